"""When and where the process runs: scheduler, I/O priority, personality, CPU affinity."""

import os

from lowrt.errors import Fault, InvalidArgument, reason_of
from lowrt.linux import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

_POLICIES = {
    "SCHED_OTHER": 0,
    "SCHED_FIFO": 1,
    "SCHED_RR": 2,
    "SCHED_BATCH": 3,
    "SCHED_ISO": 4,
    "SCHED_IDLE": 5,
    "SCHED_DEADLINE": 6,
}
_SCHEDULER_FLAGS = {
    "SCHED_FLAG_RESET_ON_FORK": 0x01,
    "SCHED_FLAG_RECLAIM": 0x02,
    "SCHED_FLAG_DL_OVERRUN": 0x04,
    "SCHED_FLAG_KEEP_POLICY": 0x08,
    "SCHED_FLAG_KEEP_PARAMS": 0x10,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
    "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}
_IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
_PERSONAS = {"LINUX": 0x0000, "LINUX32": 0x0008}


def apply(document: "Json", personality: "Json | None") -> None:
    """Apply what the process document and linux.personality ask for."""
    scheduler, priority = document.get("scheduler"), document.get("ioPriority")
    if scheduler:
        _set_scheduler(scheduler)
    if priority:
        io_class = _known(_IO_CLASSES, priority.get("class") or "", "ioPriority class")
        _attempt("failed to set io priority", process.set_io_priority, io_class, int(priority.get("priority") or 0))
    if personality:
        persona = _known(_PERSONAS, personality.get("domain") or "", "personality domain")
        _attempt("failed to set personality", process.set_personality, persona)


def _set_scheduler(document: "Json") -> None:
    flags = 0
    for word in document.get("flags") or ():
        flags |= _known(_SCHEDULER_FLAGS, word, "scheduler flag")
    attributes = process.SchedulerAttributes(
        policy=_known(_POLICIES, document.get("policy") or "", "scheduler policy"),
        flags=flags,
        nice=int(document.get("nice") or 0),
        priority=int(document.get("priority") or 0),
        runtime=int(document.get("runtime") or 0),
        deadline=int(document.get("deadline") or 0),
        period=int(document.get("period") or 0),
    )
    _attempt("error setting scheduler", process.set_scheduler, attributes)


def _known(table: dict[str, int], word: str, what: str) -> int:
    if word not in table:
        raise InvalidArgument(f"invalid {what} {word!r}")
    return table[word]


def _attempt(words: str, call: "Any", *arguments: object) -> None:
    try:
        call(*arguments)
    except OSError as error:
        raise Fault(f"{words}: {reason_of(error)}") from error


def reset_affinity(pid: int) -> None:
    """Let the process use every CPU of its cpuset, not only those that our caller was pinned to."""
    try:
        os.sched_setaffinity(pid, range(os.cpu_count() or 1))
    except OSError:
        return  # a cpuset without any of them: what it inherited is right then


def set_affinity(pid: int, cpus: str) -> None:
    """Pin a process to a list such as "0-2,5"."""
    try:
        os.sched_setaffinity(pid, _parse_cpus(cpus))
    except (OSError, ValueError) as error:
        raise Fault(f"error setting CPU affinity {cpus!r}: {error}") from error


def _parse_cpus(text: str) -> set[int]:
    cpus: set[int] = set()
    for part in text.split(","):
        first, separator, last = part.strip().partition("-")
        low, high = int(first), int(last if separator else first)
        if high > 4095:
            raise ValueError(f"no such CPU: {high}")
        cpus.update(range(low, high + 1))
    return cpus
