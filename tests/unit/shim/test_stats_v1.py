"""v1 folders → Metrics."""

from pathlib import Path

from shim import stats_v1
from shim.cgroup_files import UNLIMITED

MEMORY = {
    "memory.stat": "cache 1\nrss 2\npgpgin 3\nswap 9\nhierarchical_memsw_limit 4\ntotal_pgfault 5\nunheard_of 6\n",
    "memory.usage_in_bytes": "100\n",
    "memory.max_usage_in_bytes": "200\n",
    "memory.failcnt": "1\n",
    "memory.limit_in_bytes": "300\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
}


def fill(folder: Path, files: dict[str, str]) -> str:
    """A controller's folder."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return str(folder)


def test_memory(tmp_path: Path) -> None:
    """Names that the kernel and the message write differently."""
    metrics = stats_v1.collect({"memory": fill(tmp_path / "memory", MEMORY)})
    memory = metrics.memory
    assert (memory.cache, memory.rss, memory.pg_pg_in, memory.hierarchical_swap_limit) == (1, 2, 3, 4)
    assert memory.total_pg_fault == 5
    assert (memory.usage.usage, memory.usage.max, memory.usage.failcnt, memory.usage.limit) == (100, 200, 1, 300)
    assert not memory.HasField("swap")
    assert metrics.memory_oom_control.oom_kill == 2


def test_cpu_and_pids(tmp_path: Path) -> None:
    """No limit is 0 here, as containerd has it."""
    folders = {
        "pids": fill(tmp_path / "pids", {"pids.current": "3\n", "pids.max": "max\n"}),
        "cpuacct": fill(tmp_path / "cpuacct", {"cpuacct.usage": "50\n", "cpuacct.usage_percpu": "20 30 \n"}),
        "cpu": fill(tmp_path / "cpu", {"cpu.stat": "nr_periods 1\nnr_throttled 2\nthrottled_time 3\n"}),
    }
    metrics = stats_v1.collect(folders)
    assert (metrics.pids.current, metrics.pids.limit) == (3, 0)
    assert (metrics.cpu.usage.total, list(metrics.cpu.usage.per_cpu)) == (50, [20, 30])
    assert metrics.cpu.throttling.throttled_time == 3


def test_blkio_takes_the_file_that_counts(tmp_path: Path) -> None:
    """BFQ's are there and empty where another scheduler works."""
    folder = fill(
        tmp_path / "blkio",
        {
            "blkio.bfq.io_service_bytes_recursive": "Total 0\n",
            "blkio.throttle.io_service_bytes": "8:0 Read 5\nTotal 5\n",
        },
    )
    (entry,) = stats_v1.collect({"blkio": folder}).blkio.io_service_bytes_recursive
    assert (entry.op, entry.major, entry.value) == ("Read", 8, 5)


def test_devices_have_names() -> None:
    """From diskstats."""
    names = stats_v1.device_names("   8       0 sda 1 2 3\n 254 0 vda 1\n")
    assert names == {(8, 0): "/dev/sda", (254, 0): "/dev/vda"}
    (entry,) = stats_v1.blkio_entries("8:0 Read 5", names)
    assert entry.device == "/dev/sda"


def test_hugetlb_and_rdma(tmp_path: Path) -> None:
    """One entry per page size; max is as much as the field holds."""
    huge = fill(tmp_path / "hugetlb", {"hugetlb.2MB.limit_in_bytes": "9\n", "hugetlb.2MB.usage_in_bytes": "4\n"})
    rdma = fill(tmp_path / "rdma", {"rdma.current": "mlx hca_handle=2 hca_object=max\n"})
    metrics = stats_v1.collect({"hugetlb": huge, "rdma": rdma})
    assert [(entry.pagesize, entry.usage) for entry in metrics.hugetlb] == [("2MB", 4)]
    (entry,) = metrics.rdma.current
    assert (entry.device, entry.hca_handles, entry.hca_objects) == ("mlx", 2, UNLIMITED & 0xFFFFFFFF)
