"""What this daemon itself uses, under the names that every Prometheus client library has for it."""

import os
import resource
from collections.abc import Iterator

from supervisor.metrics.exposition import Family

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def families(version: str, revision: str) -> Iterator[Family]:
    """The daemon's build, memory, fds and time."""
    build = Family("containerd_build_info_total", "counter", "containerd build information")
    build.add(1, version=version, revision=revision)
    yield build
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    user, system, started, virtual, resident = (int(fields[at - 3]) for at in (14, 15, 22, 23, 24))  # proc(5)
    with open("/proc/stat", encoding="ascii") as file:
        booted = next(int(line.split()[1]) for line in file if line.startswith("btime"))
    yield _one(
        "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", (user + system) / _TICKS
    )
    yield _one(
        "process_max_fds", "Maximum number of open file descriptors.", resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    )
    yield _one("process_open_fds", "Number of open file descriptors.", len(os.listdir("/proc/self/fd")))
    yield _one("process_resident_memory_bytes", "Resident memory size in bytes.", resident * _PAGE)
    start = booted + started / _TICKS
    yield _one("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", start)
    yield _one("process_virtual_memory_bytes", "Virtual memory size in bytes.", virtual)


def _one(name: str, text: str, value: float) -> Family:
    return Family(name, "counter" if name.endswith("_total") else "gauge", text, [({}, value)])
