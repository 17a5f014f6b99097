"""Statistics of a cgroup v1 container; a controller that is not mounted leaves its part at zero."""

from lowrt.cgroup import stats
from lowrt.cgroup.files import read, read_int, read_or

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

_TICK = 10_000_000  # cpuacct.stat counts in USER_HZ, which is 100 on every Linux

# Groups of (file, table), best first: which of them exist depends on the I/O scheduler. The first group whose first
# file has lines is the one that counts.
_DETAILED = (
    ("sectors_recursive", "sectorsRecursive"),
    ("io_service_time_recursive", "ioServiceTimeRecursive"),
    ("io_wait_time_recursive", "ioWaitTimeRecursive"),
    ("io_merged_recursive", "ioMergedRecursive"),
    ("io_queued_recursive", "ioQueueRecursive"),
    ("time_recursive", "ioTimeRecursive"),
    ("io_serviced_recursive", "ioServicedRecursive"),
    ("io_service_bytes_recursive", "ioServiceBytesRecursive"),
)
_PLAIN = (("io_serviced", "ioServicedRecursive"), ("io_service_bytes", "ioServiceBytesRecursive"))
_PLAIN_RECURSIVE = tuple((f"{file}_recursive", table) for file, table in _PLAIN)
_GROUPS = (
    ("blkio.bfq.", _DETAILED),
    ("blkio.bfq.", _PLAIN_RECURSIVE),
    ("blkio.", _DETAILED),
    ("blkio.throttle.", _PLAIN_RECURSIVE),
    ("blkio.throttle.", _PLAIN),
)


def stats_v1(folders: dict[str, str]) -> "Json":
    """Gather from each controller's folder."""
    return stats.document(
        cpu=_cpu(folders.get("cpu"), folders.get("cpuacct")),
        cpuset=_cpuset(folders.get("cpuset")),
        memory=_memory(folders.get("memory")),
        pids=_pids(folders.get("pids")),
        blkio=_blkio(folders.get("blkio")),
        hugetlb=_hugetlb(folders.get("hugetlb")),
    )


def _cpu(cpu: str | None, cpuacct: str | None) -> "Json":
    usage: Json = {"kernel": 0, "user": 0}
    if cpuacct is not None:
        ticks = stats.key_values(read_or(cpuacct, "cpuacct.stat", ""))
        per_cpu = [int(value) for value in read_or(cpuacct, "cpuacct.usage_percpu", "").split()]
        rows = [line.split() for line in read_or(cpuacct, "cpuacct.usage_all", "").splitlines()[1:]]
        usage = stats.without_zeros(
            {
                "total": read_int(cpuacct, "cpuacct.usage"),
                "percpu": per_cpu,
                "percpu_kernel": [int(row[2]) for row in rows],
                "percpu_user": [int(row[1]) for row in rows],
            }
        )
        usage["kernel"], usage["user"] = _split_time(ticks, rows)
    periods = stats.key_values(read_or(cpu, "cpu.stat", "")) if cpu is not None else {}
    throttled = (periods.get(key, 0) for key in ("nr_periods", "nr_throttled", "throttled_time"))
    return {"usage": usage, "throttling": stats.throttling(*throttled)}


def _split_time(ticks: dict[str, int], rows: list[list[str]]) -> tuple[int, int]:
    """(kernel, user) in nanoseconds, from the exact file where there is one."""
    if rows:
        return sum(int(row[2]) for row in rows), sum(int(row[1]) for row in rows)
    return ticks.get("system", 0) * _TICK, ticks.get("user", 0) * _TICK


def _cpuset(folder: str | None) -> "Json":
    if folder is None:
        return stats.cpuset()
    names = (
        "cpu_exclusive",
        "mem_hardwall",
        "mem_exclusive",
        "memory_migrate",
        "memory_spread_page",
        "memory_spread_slab",
        "memory_pressure",
        "sched_load_balance",
        "sched_relax_domain_level",
    )
    flags = {name: int(read_or(folder, f"cpuset.{name}", "0")) for name in names}
    cpus, mems = (stats.number_list(read_or(folder, f"cpuset.{name}", "")) for name in ("cpus", "mems"))
    return stats.cpuset(cpus, mems, flags)


def _memory(folder: str | None) -> "Json":
    if folder is None:
        return {key: stats.memory_entry() for key in ("usage", "swap", "kernel", "kernelTCP")}
    raw = stats.key_values(read(folder, "memory.stat"))
    found = stats.without_zeros({"cache": raw.get("cache", 0)})
    for key, prefix in (("usage", "memory"), ("swap", "memory.memsw")):
        found[key] = _memory_entry(folder, prefix)
    for key, prefix in (("kernel", "memory.kmem"), ("kernelTCP", "memory.kmem.tcp")):
        found[key] = _memory_entry(folder, prefix)
    found["raw"] = raw
    return found


def _memory_entry(folder: str, prefix: str) -> "Json":
    """Zeros where the kernel was built without this account; newer ones have no kmem limit."""
    usage, peak, failures, limit = (
        int(read_or(folder, f"{prefix}.{name}", "0"))
        for name in ("usage_in_bytes", "max_usage_in_bytes", "failcnt", "limit_in_bytes")
    )
    return stats.memory_entry(limit, usage, peak, failures)


def _pids(folder: str | None) -> "Json":
    if folder is None:
        return {}
    limit = read(folder, "pids.max").strip()
    return stats.without_zeros(
        {"current": read_int(folder, "pids.current"), "limit": 0 if limit == "max" else int(limit)}
    )


def _blkio(folder: str | None) -> "Json":
    if folder is None:
        return {}
    for prefix, tables in _GROUPS:
        first = blkio_lines(read_or(folder, prefix + tables[0][0], ""))
        if not first:
            continue
        found = {table: blkio_lines(read_or(folder, prefix + file, "")) for file, table in tables}
        return stats.without_zeros({table: found.get(table) for table in stats.BLKIO_TABLES})
    return {}


def blkio_lines(text: str) -> "list[Json]":
    """Lines of "major:minor [operation] value"; the sum over all devices is left out."""
    entries = []
    for line in text.splitlines():
        fields = line.replace(":", " ").split()
        if len(fields) >= 3:
            operation = fields[2] if len(fields) == 4 else ""
            entries.append(stats.blkio_entry(int(fields[0]), int(fields[1]), operation, int(fields[-1])))
    return entries


def _hugetlb(folder: str | None) -> "Json":
    if folder is None:
        return {}
    found = {}
    for size in stats.page_sizes():
        prefix = f"hugetlb.{size}"
        usage, peak, failures = (
            int(read_or(folder, f"{prefix}.rsvd.{name}", read_or(folder, f"{prefix}.{name}", "0")))
            for name in ("usage_in_bytes", "max_usage_in_bytes", "failcnt")
        )
        found[size] = {**stats.without_zeros({"usage": usage, "max": peak}), "failcnt": failures}
    return found
