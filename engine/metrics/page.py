"""The page at `/metrics`: the engine's own numbers, its containers by state, its process."""

import os
import resource
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from engine.metrics.exposition import head, sample, single, timer
from engine.metrics.timers import Metrics

_PREFIX = "engine_daemon_"
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# The label's name in dockerd → the key of `docker info`.
_ENGINE = {
    "architecture": "Architecture",
    "daemon_id": "ID",
    "graphdriver": "Driver",
    "kernel": "KernelVersion",
    "os": "OperatingSystem",
    "os_type": "OSType",
    "os_version": "OSVersion",
    "version": "ServerVersion",
}


def page(metrics: Metrics, info: dict[str, Any], statuses: Iterable[str], events: tuple[int, int]) -> str:
    """Everything; `events` is how many were published and how many listen."""
    published, listeners = events
    lines = [
        *_engine(info),
        *_states(statuses),
        *timer(
            f"{_PREFIX}container_actions_seconds",
            "The number of seconds it takes to process each container action",
            metrics.container_actions,
        ),
        *timer(
            f"{_PREFIX}network_actions_seconds",
            "The number of seconds it takes to process each network action",
            metrics.network_actions,
        ),
        *_counter("events_total", "The number of events logged", published),
        *single(
            f"{_PREFIX}events_subscribers_total", "gauge", "The number of current subscribers to events", listeners
        ),
        *_counter("health_checks_total", "The total number of health checks", metrics.health_checks),
        *_counter(
            "health_checks_failed_total", "The total number of failed health checks", metrics.health_checks_failed
        ),
        *process(),
    ]
    return "\n".join(lines) + "\n"


def _counter(name: str, text: str, value: int) -> Iterator[str]:
    return single(_PREFIX + name, "counter", text, value)


def _engine(info: dict[str, Any]) -> Iterator[str]:
    name = f"{_PREFIX}engine_info"
    yield from head(name, "gauge", "The information related to the engine and the OS it is running on")
    yield sample(name, 1, {label: str(info.get(key, "")) for label, key in _ENGINE.items()} | {"commit": ""})
    cpus = "The number of cpus that the host system of the engine has"
    yield from single(f"{_PREFIX}engine_cpus_cpus", "gauge", cpus, info["NCPU"])
    memory = "The number of bytes of memory that the host system of the engine has"
    yield from single(f"{_PREFIX}engine_memory_bytes", "gauge", memory, info["MemTotal"])


_STATES = {"running": "running", "paused": "paused", "restarting": "running"}


def _states(statuses: Iterable[str]) -> Iterator[str]:
    counted = Counter(_STATES.get(status, "stopped") for status in statuses)
    name = f"{_PREFIX}container_states_containers"
    yield from head(name, "gauge", "The count of containers in various states")
    for state in ("paused", "running", "stopped"):
        yield sample(name, counted[state], {"state": state})


def process() -> Iterator[str]:
    """What this process uses, under the names that every client library has for it."""
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    user, system, virtual, resident = (int(fields[at - 3]) for at in (14, 15, 23, 24))  # proc(5)
    yield from single(
        "process_cpu_seconds_total",
        "counter",
        "Total user and system CPU time spent in seconds.",
        (user + system) / _TICKS,
    )
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    yield from single("process_max_fds", "gauge", "Maximum number of open file descriptors.", limit)
    count = len(os.listdir("/proc/self/fd"))
    yield from single("process_open_fds", "gauge", "Number of open file descriptors.", count)
    yield from single("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", resident * _PAGE)
    yield from single("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", virtual)
