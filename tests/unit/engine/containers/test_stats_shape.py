"""containerd's metrics in Docker's shape: every number at the place where dockerd puts it."""

from engine.containers.stats_shape import from_metrics
from proto.containerd.metrics.cgroups.v1 import metrics_pb2 as v1
from proto.containerd.metrics.cgroups.v2 import metrics_pb2 as v2

# What dockerd's stats of a v1 host has under memory_stats.stats.
V1_NAMES = set(
    [
        "cache",
        "rss",
        "rss_huge",
        "mapped_file",
        "dirty",
        "writeback",
        "pgpgin",
        "pgpgout",
        "pgfault",
        "pgmajfault",
        "inactive_anon",
        "active_anon",
        "inactive_file",
        "active_file",
        "unevictable",
        "hierarchical_memory_limit",
        "hierarchical_memsw_limit",
        "total_cache",
        "total_rss",
        "total_rss_huge",
        "total_mapped_file",
        "total_dirty",
        "total_writeback",
        "total_pgpgin",
        "total_pgpgout",
        "total_pgfault",
        "total_pgmajfault",
        "total_inactive_anon",
        "total_active_anon",
        "total_inactive_file",
        "total_active_file",
        "total_unevictable",
    ]
)
V2_NAMES = set(
    [
        "anon",
        "file",
        "kernel_stack",
        "slab",
        "sock",
        "shmem",
        "file_mapped",
        "file_dirty",
        "file_writeback",
        "anon_thp",
        "inactive_anon",
        "active_anon",
        "inactive_file",
        "active_file",
        "unevictable",
        "slab_reclaimable",
        "slab_unreclaimable",
        "pgfault",
        "pgmajfault",
        "workingset_refault",
        "workingset_activate",
        "workingset_nodereclaim",
        "pgrefill",
        "pgscan",
        "pgsteal",
        "pgactivate",
        "pgdeactivate",
        "pglazyfree",
        "pglazyfreed",
        "thp_fault_alloc",
        "thp_collapse_alloc",
    ]
)


def test_a_v1_sample() -> None:
    """Nanoseconds stay nanoseconds."""
    metrics = v1.Metrics()
    metrics.cpu.usage.total, metrics.cpu.usage.kernel, metrics.cpu.usage.user = 300, 100, 200
    metrics.cpu.usage.per_cpu.extend([100, 200])
    metrics.cpu.throttling.periods, metrics.cpu.throttling.throttled_periods = 9, 3
    metrics.cpu.throttling.throttled_time = 77
    metrics.memory.usage.usage, metrics.memory.usage.max, metrics.memory.usage.limit = 10, 20, 30
    metrics.memory.usage.failcnt = 2
    metrics.memory.rss, metrics.memory.pg_fault, metrics.memory.hierarchical_swap_limit = 5, 6, 7
    metrics.pids.current, metrics.pids.limit = 4, 100
    metrics.blkio.io_service_bytes_recursive.add(major=8, minor=1, op="Read", value=4096)
    sample = from_metrics(metrics)
    assert sample["cpu_stats"] == {
        "cpu_usage": {
            "total_usage": 300,
            "percpu_usage": [100, 200],
            "usage_in_kernelmode": 100,
            "usage_in_usermode": 200,
        },
        "throttling_data": {"periods": 9, "throttled_periods": 3, "throttled_time": 77},
    }
    memory = sample["memory_stats"]
    assert (memory["usage"], memory["max_usage"], memory["limit"], memory["failcnt"]) == (10, 20, 30, 2)
    assert (memory["stats"]["rss"], memory["stats"]["pgfault"], memory["stats"]["hierarchical_memsw_limit"]) == (
        5,
        6,
        7,
    )
    assert sample["pids_stats"] == {"current": 4, "limit": 100}
    assert sample["blkio_stats"]["io_service_bytes_recursive"] == [
        {"major": 8, "minor": 1, "op": "Read", "value": 4096}
    ]
    assert sample["blkio_stats"]["io_queue_recursive"] == []


def test_the_names_of_v1_memory_are_the_kernels() -> None:
    """The protocol spells some of them otherwise (pg_fault, hierarchical_swap_limit)."""
    assert set(from_metrics(v1.Metrics())["memory_stats"]["stats"]) >= V1_NAMES


def test_a_v2_sample() -> None:
    """Microseconds become nanoseconds."""
    metrics = v2.Metrics()
    metrics.cpu.usage_usec, metrics.cpu.system_usec, metrics.cpu.user_usec = 3, 1, 2
    metrics.cpu.nr_periods, metrics.cpu.nr_throttled, metrics.cpu.throttled_usec = 9, 4, 5
    metrics.memory.usage, metrics.memory.usage_limit, metrics.memory.anon, metrics.memory.pgfault = 10, 30, 6, 8
    metrics.io.usage.add(major=8, minor=0, rbytes=11, wbytes=22)
    sample = from_metrics(metrics)
    assert sample["cpu_stats"]["cpu_usage"] == {
        "total_usage": 3000,
        "usage_in_kernelmode": 1000,
        "usage_in_usermode": 2000,
    }
    assert sample["cpu_stats"]["throttling_data"] == {"periods": 9, "throttled_periods": 4, "throttled_time": 5000}
    assert (sample["memory_stats"]["usage"], sample["memory_stats"]["limit"]) == (10, 30)
    assert (sample["memory_stats"]["stats"]["anon"], sample["memory_stats"]["stats"]["pgfault"]) == (6, 8)
    assert sample["blkio_stats"]["io_service_bytes_recursive"] == [
        {"major": 8, "minor": 0, "op": "read", "value": 11},
        {"major": 8, "minor": 0, "op": "write", "value": 22},
    ]
    assert sample["blkio_stats"]["sectors_recursive"] is None


def test_the_names_of_v2_memory_are_the_kernels() -> None:
    """Usage and limits have a place of their own and are not repeated."""
    names = set(from_metrics(v2.Metrics())["memory_stats"]["stats"])
    assert names >= V2_NAMES
    assert not names & {"usage", "usage_limit", "swap_usage", "swap_limit"}


def test_no_limit_of_processes_is_no_limit() -> None:
    """The controller says "max", which arrives as the largest number there is."""
    metrics = v2.Metrics()
    metrics.pids.current, metrics.pids.limit = 1, (1 << 64) - 1
    assert from_metrics(metrics)["pids_stats"] == {"current": 1}
