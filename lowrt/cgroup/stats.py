"""The shape of `events --stats`: runc's JSON, with its omissions; pure helpers that both versions fill it with."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

BLKIO_TABLES = (
    "ioServiceBytesRecursive",
    "ioServicedRecursive",
    "ioQueueRecursive",
    "ioServiceTimeRecursive",
    "ioWaitTimeRecursive",
    "ioMergedRecursive",
    "ioTimeRecursive",
    "sectorsRecursive",
)


def document(cpu: "Json", cpuset: "Json", memory: "Json", pids: "Json", blkio: "Json", hugetlb: "Json") -> "Json":
    """One stats document. Interfaces are null and RDT is empty: nothing here measures them, but readers want them."""
    return {
        "cpu": cpu,
        "cpuset": cpuset,
        "memory": memory,
        "pids": pids,
        "blkio": blkio,
        "hugetlb": hugetlb,
        "intel_rdt": {},
        "network_interfaces": None,
    }


def without_zeros(values: "Json") -> "Json":
    """Go's omitempty."""
    return {key: value for key, value in values.items() if value}


def throttling(periods: int, throttled: int, nanoseconds: int) -> "Json":
    return without_zeros({"periods": periods, "throttledPeriods": throttled, "throttledTime": nanoseconds})


def memory_entry(limit: int = 0, usage: int = 0, peak: int = 0, failures: int = 0) -> "Json":
    entry: Json = {"limit": limit}
    entry.update(without_zeros({"usage": usage, "max": peak}))
    entry["failcnt"] = failures
    return entry


def blkio_entry(major: int, minor: int, operation: str, value: int) -> "Json":
    return without_zeros({"major": major, "minor": minor, "op": operation, "value": value})


def cpuset(cpus: list[int] | None = None, mems: list[int] | None = None, flags: "Json | None" = None) -> "Json":
    found: Json = without_zeros({"cpus": cpus})
    found["cpu_exclusive"] = 0
    found.update(without_zeros({"mems": mems}))
    for name in (
        "mem_hardwall",
        "mem_exclusive",
        "memory_migrate",
        "memory_spread_page",
        "memory_spread_slab",
        "memory_pressure",
        "sched_load_balance",
        "sched_relax_domain_level",
    ):
        found[name] = 0
    found.update(flags or {})
    return found


def key_values(text: str) -> dict[str, int]:
    """Lines of "name number"."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}


def number_list(text: str) -> list[int]:
    """ "0-2,5" → 0, 1, 2, 5; bounded, since the text need not come from a kernel we know."""
    numbers: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            numbers += range(int(first), min(int(last or first), 65535) + 1)
    return numbers


def page_size_name(kilobytes: int) -> str:
    """2048 → "2MB", as the kernel names its hugetlb files."""
    for unit, size in (("GB", 1 << 20), ("MB", 1 << 10)):
        if kilobytes >= size:
            return f"{kilobytes // size}{unit}"
    return f"{kilobytes}KB"


def page_sizes() -> list[str]:
    """The huge page sizes of this kernel."""
    import os

    try:
        names = os.listdir("/sys/kernel/mm/hugepages")
    except OSError:
        return []
    sizes = [name.removeprefix("hugepages-").removesuffix("kB") for name in names]
    return [page_size_name(int(size)) for size in sizes if size.isdecimal()]
