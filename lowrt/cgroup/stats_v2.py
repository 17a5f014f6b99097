"""Statistics of a cgroup v2 container, under the names v1 made customary, and pressure (PSI) beside them."""

from lowrt.cgroup import stats
from lowrt.cgroup.files import pids, read, read_int, read_or

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

_UNLIMITED = (1 << 64) - 1
_IO_FIELDS = {  # io.stat's word: (table, operation)
    "rbytes": ("ioServiceBytesRecursive", "Read"),
    "wbytes": ("ioServiceBytesRecursive", "Write"),
    "rios": ("ioServicedRecursive", "Read"),
    "wios": ("ioServicedRecursive", "Write"),
}


def stats_v2(folder: str) -> "Json":
    """Gather from the container's folder; a controller that is not enabled leaves its part at zero."""
    return stats.document(
        cpu=_cpu(folder),
        cpuset=stats.cpuset(),
        memory=_memory(folder),
        pids=_pids(folder),
        blkio=_io(folder),
        hugetlb=_hugetlb(folder),
    )


def _cpu(folder: str) -> "Json":
    values = stats.key_values(read_or(folder, "cpu.stat", ""))
    usage = stats.without_zeros({"total": values.get("usage_usec", 0) * 1000})
    usage["kernel"] = values.get("system_usec", 0) * 1000
    usage["user"] = values.get("user_usec", 0) * 1000
    throttling = stats.throttling(
        values.get("nr_periods", 0), values.get("nr_throttled", 0), values.get("throttled_usec", 0) * 1000
    )
    return {"usage": usage, "throttling": throttling, **_pressure(folder, "cpu.pressure")}


def _memory(folder: str) -> "Json":
    raw = stats.key_values(read_or(folder, "memory.stat", ""))
    found = stats.without_zeros({"cache": raw.get("file", 0)})
    usage = swap = stats.memory_entry()
    if raw:
        used, limit = read_int(folder, "memory.current"), read_int(folder, "memory.max")
        usage = stats.memory_entry(limit, used, int(read_or(folder, "memory.peak", "0")))
        swapped = int(read_or(folder, "memory.swap.current", "0"))
        swap_limit = read_or(folder, "memory.swap.max", "max").strip()
        # v1 counts swap together with memory, and readers expect that; a peak of the sum nobody knows.
        both = _UNLIMITED if swap_limit == "max" or limit == _UNLIMITED else int(swap_limit) + limit
        swap = stats.memory_entry(both, swapped + used)
    found.update(usage=usage, swap=swap, kernel=stats.memory_entry(), kernelTCP=stats.memory_entry())
    found.update(stats.without_zeros({"raw": raw}))
    return {**found, **_pressure(folder, "memory.pressure")}


def _pids(folder: str) -> "Json":
    current = read_or(folder, "pids.current", "")
    if not current:
        return stats.without_zeros({"current": len(pids(folder))})
    limit = read(folder, "pids.max").strip()
    return stats.without_zeros({"current": int(current), "limit": 0 if limit == "max" else int(limit)})


def _io(folder: str) -> "Json":
    return {**io_tables(read_or(folder, "io.stat", "")), **_pressure(folder, "io.pressure")}


def io_tables(text: str) -> "Json":
    """Lines of "major:minor word=number …"."""
    tables: Json = {}
    for line in text.splitlines():
        device, *items = line.split()
        major, _, minor = device.partition(":")
        for item in items:
            word, _, value = item.partition("=")
            if word in _IO_FIELDS:
                table, operation = _IO_FIELDS[word]
                entry = stats.blkio_entry(int(major), int(minor), operation, int(value))
                tables.setdefault(table, []).append(entry)
    return tables


def _hugetlb(folder: str) -> "Json":
    found = {}
    for size in stats.page_sizes():
        prefix = f"hugetlb.{size}"
        current = read_or(folder, f"{prefix}.rsvd.current", read_or(folder, f"{prefix}.current", ""))
        if current:
            failures = stats.key_values(read_or(folder, f"{prefix}.events", "")).get("max", 0)
            found[size] = {**stats.without_zeros({"usage": int(current)}), "failcnt": failures}
    return found


def _pressure(folder: str, file: str) -> "Json":
    try:
        text = read_or(folder, file, "")
    except OSError:
        return {}  # a kernel booted without psi=1 has the file and refuses to read it
    return {"psi": parse_pressure(text)} if text else {}


def parse_pressure(text: str) -> "Json":
    """Lines of "some|full avg10=… avg60=… avg300=… total=…"."""
    zero = {"avg10": 0, "avg60": 0, "avg300": 0, "total": 0}
    found: Json = {"some": dict(zero), "full": dict(zero)}
    for line in text.splitlines():
        kind, *items = line.split()
        for item in items:
            key, _, value = item.partition("=")
            number = float(value)
            found.setdefault(kind, {})[key] = int(number) if number.is_integer() else number
    return found
