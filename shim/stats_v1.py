"""io.containerd.cgroups.v1.Metrics from the controllers' folders."""

import os
from collections.abc import Iterable

from proto.containerd.metrics.cgroups.v1 import metrics_pb2
from shim.cgroup_files import device_lines, names_with, number, read, table

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_MEMORY_NAMES = {"pgpgin": "pg_pg_in", "pgpgout": "pg_pg_out", "pgfault": "pg_fault", "pgmajfault": "pg_maj_fault"}
_MEMORY_ENTRIES = {"usage": "memory", "swap": "memory.memsw", "kernel": "memory.kmem", "kernel_tcp": "memory.kmem.tcp"}
_BLKIO = {
    "io_service_bytes_recursive": "io_service_bytes",
    "io_serviced_recursive": "io_serviced",
    "io_queued_recursive": "io_queued",
    "io_service_time_recursive": "io_service_time",
    "io_wait_time_recursive": "io_wait_time",
    "io_merged_recursive": "io_merged",
    "io_time_recursive": "time",
    "sectors_recursive": "sectors",
}


def collect(folders: dict[str, str]) -> metrics_pb2.Metrics:
    """The metrics of a cgroup given by its folder in each hierarchy; a controller that is absent is left out."""
    metrics = metrics_pb2.Metrics()
    if "pids" in folders:
        _pids(metrics.pids, folders["pids"])
    if "cpuacct" in folders:
        _cpu(metrics.cpu, folders["cpuacct"])
    if "cpu" in folders:
        _throttling(metrics.cpu.throttling, folders["cpu"])
    if "memory" in folders:
        _memory(metrics, folders["memory"])
    if "blkio" in folders:
        metrics.blkio.CopyFrom(_blkio(folders["blkio"]))
    if "hugetlb" in folders:
        metrics.hugetlb.extend(_hugetlb(folders["hugetlb"]))
    if "rdma" in folders:
        metrics.rdma.current.extend(_rdma(read(folders["rdma"], "rdma.current")))
        metrics.rdma.limit.extend(_rdma(read(folders["rdma"], "rdma.max")))
    return metrics


def memory_stat(text: str) -> metrics_pb2.MemoryStat:
    """memory.stat; names that the message does not have are passed over."""
    stat = metrics_pb2.MemoryStat()
    known = stat.DESCRIPTOR.fields_by_name
    for name, value in table(text).items():
        total, base = ("total_", name.removeprefix("total_")) if name.startswith("total_") else ("", name)
        field = {"hierarchical_memsw_limit": "hierarchical_swap_limit"}.get(name, total + _MEMORY_NAMES.get(base, base))
        if field in known and known[field].message_type is None:  # the message has a `swap` of another kind
            setattr(stat, field, value)
    return stat


def blkio_entries(text: str, names: dict[tuple[int, int], str]) -> list[metrics_pb2.BlkIOEntry]:
    """One blkio file's entries; `names` are the devices'."""
    return [
        metrics_pb2.BlkIOEntry(op=op, device=names.get((major, minor), ""), major=major, minor=minor, value=value)
        for major, minor, op, value in device_lines(text)
    ]


def _pids(pids: metrics_pb2.PidsStat, folder: str) -> None:
    pids.current = number(read(folder, "pids.current"))
    limit = read(folder, "pids.max").strip()
    pids.limit = 0 if limit == "max" else number(limit)


def _cpu(cpu: metrics_pb2.CPUStat, folder: str) -> None:
    cpu.usage.total = number(read(folder, "cpuacct.usage"))
    ticks = table(read(folder, "cpuacct.stat"))
    cpu.usage.user = ticks.get("user", 0) * _TICK_NS
    cpu.usage.kernel = ticks.get("system", 0) * _TICK_NS
    cpu.usage.per_cpu.extend(int(word) for word in read(folder, "cpuacct.usage_percpu").split())


def _throttling(throttling: metrics_pb2.Throttle, folder: str) -> None:
    stat = table(read(folder, "cpu.stat"))
    throttling.periods = stat.get("nr_periods", 0)
    throttling.throttled_periods = stat.get("nr_throttled", 0)
    throttling.throttled_time = stat.get("throttled_time", 0)


def _memory(metrics: metrics_pb2.Metrics, folder: str) -> None:
    metrics.memory.CopyFrom(memory_stat(read(folder, "memory.stat")))
    for field, prefix in _MEMORY_ENTRIES.items():
        if os.path.exists(os.path.join(folder, f"{prefix}.usage_in_bytes")):
            entry = getattr(metrics.memory, field)
            entry.usage = number(read(folder, f"{prefix}.usage_in_bytes"))
            entry.max = number(read(folder, f"{prefix}.max_usage_in_bytes"))
            entry.failcnt = number(read(folder, f"{prefix}.failcnt"))
            entry.limit = number(read(folder, f"{prefix}.limit_in_bytes"))
    control = table(read(folder, "memory.oom_control"))
    metrics.memory_oom_control.oom_kill_disable = control.get("oom_kill_disable", 0)
    metrics.memory_oom_control.under_oom = control.get("under_oom", 0)
    metrics.memory_oom_control.oom_kill = control.get("oom_kill", 0)


def _blkio(folder: str) -> metrics_pb2.BlkIOStat:
    """BFQ's and CFQ's files where they count something, else those of the throttling policy, which always do."""
    stat = metrics_pb2.BlkIOStat()
    names = device_names(read("/proc", "diskstats"))
    for field, name in _BLKIO.items():
        candidates = (f"blkio.bfq.{name}_recursive", f"blkio.{name}_recursive", f"blkio.throttle.{name}")
        texts = (read(folder, candidate) for candidate in candidates)
        getattr(stat, field).extend(blkio_entries(next((text for text in texts if device_lines(text)), ""), names))
    return stat


def device_names(diskstats: str) -> dict[tuple[int, int], str]:
    """(major, minor) → /dev/NAME."""
    rows = (line.split() for line in diskstats.splitlines())
    return {(int(row[0]), int(row[1])): f"/dev/{row[2]}" for row in rows if len(row) > 2}


def _hugetlb(folder: str) -> Iterable[metrics_pb2.HugetlbStat]:
    for name in names_with(folder, "hugetlb."):
        size, limit, suffix = name.removeprefix("hugetlb.").partition(".limit_in_bytes")
        if limit and not suffix and not size.endswith(".rsvd"):
            yield metrics_pb2.HugetlbStat(
                pagesize=size,
                usage=number(read(folder, f"hugetlb.{size}.usage_in_bytes")),
                max=number(read(folder, f"hugetlb.{size}.max_usage_in_bytes")),
                failcnt=number(read(folder, f"hugetlb.{size}.failcnt")),
            )


def _rdma(text: str) -> Iterable[metrics_pb2.RdmaEntry]:
    for line in text.splitlines():
        device, *pairs = line.split()
        values = dict(pair.partition("=")[::2] for pair in pairs)
        yield metrics_pb2.RdmaEntry(
            device=device,
            hca_handles=min(number(values.get("hca_handle", "")), 0xFFFFFFFF),
            hca_objects=min(number(values.get("hca_object", "")), 0xFFFFFFFF),
        )
