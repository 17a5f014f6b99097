"""Processes by pidfd, their /proc/<pid>/stat, and file descriptors by range."""

import fcntl
import os
import select

from lowrt.linux import constants as c
from lowrt.linux import ffi as ctypes
from lowrt.linux.libc import check, libc, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

CLOEXEC = c.CLOSE_RANGE_CLOEXEC
_LAST_FD = 0xFFFFFFFF
_SIG_SETMASK = 2


def close_range(first: int, last: int = _LAST_FD, flags: int = 0) -> None:
    """close_range(2)."""
    check(syscall(c.NR_CLOSE_RANGE, first, last, flags), "close_range")


def close_all_but(keep: "Sequence[int]", first: int = 3) -> None:
    """Close every descriptor from `first` on that is not in `keep`."""
    for fd in sorted({fd for fd in keep if fd >= first}):
        if fd > first:
            close_range(first, fd - 1)
        first = fd + 1
    close_range(first)


def pidfd_send_signal(pidfd: int, signal: int) -> None:
    """pidfd_send_signal(2)."""
    check(syscall(c.NR_PIDFD_SEND_SIGNAL, pidfd, signal, None, 0), "pidfd_send_signal")


def pidfd_getfd(pidfd: int, fd: int) -> int:
    """pidfd_getfd(2)."""
    return check(syscall(c.NR_PIDFD_GETFD, pidfd, fd, 0), "pidfd_getfd")


def wait_for_exit(pidfd: int, timeout: float | None = None) -> bool:
    """Wait until the process has exited; False when the time was up first."""
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(None if timeout is None else timeout * 1000))


def stat(pid: int) -> tuple[str, int]:
    """The state letter and the start time (in clock ticks since boot) of /proc/<pid>/stat; ("X", 0) when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0
    # The command's name, in parentheses, may hold anything, parentheses and blanks included.
    fields = text[text.rindex(b")") + 2 :].split()
    return fields[0].decode(), int(fields[19])


def is_alive(pid: int, start_time: int) -> bool:
    """Whether the process of that pid is the one that started then, and has not exited."""
    state, started = stat(pid)
    return state not in "ZX" and started == start_time


def exit_code(status: int) -> int:
    """A wait status as a shell tells it: the code, or 128 and the signal."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def set_personality(persona: int) -> None:
    """personality(2)."""
    check(syscall(c.NR_PERSONALITY, persona), "personality")


def set_io_priority(io_class: int, level: int) -> None:
    """ioprio_set(2) for this process."""
    check(syscall(c.NR_IOPRIO_SET, 1, 0, io_class << 13 | level), "ioprio_set")


def set_memory_policy(mode: int, nodes: bytes) -> None:
    """set_mempolicy(2); `nodes` is a bit mask, lowest byte first."""
    # The kernel looks at one bit less than it is told of.
    check(syscall(c.NR_SET_MEMPOLICY, mode, nodes or None, len(nodes) * 8 + 1 if nodes else 0), "set_mempolicy")


class SchedulerAttributes(ctypes.Structure):
    """struct sched_attr of sched_setattr(2)."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def set_scheduler(attributes: SchedulerAttributes) -> None:
    """sched_setattr(2) for this process."""
    attributes.size = ctypes.sizeof(attributes)
    check(syscall(c.NR_SCHED_SETATTR, 0, attributes, 0), "sched_setattr")


def close(fd: int) -> None:
    """close(2), for descriptors that may be closed already."""
    libc.close(fd)


def dup_cloexec(fd: int) -> int:
    """A copy of the descriptor, out of the way of 0 to 2, that execve(2) closes."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)


def signalfd() -> int:
    """Block every signal and read them from an fd instead, signalfd(2)."""
    every = ctypes.create_string_buffer(b"\xff" * 128, 128)
    libc.sigprocmask(_SIG_SETMASK, every, None)
    return check(libc.signalfd(-1, every, os.O_CLOEXEC), "signalfd")


def read_signal(fd: int) -> int:
    """The number of the next signal: the first field of struct signalfd_siginfo."""
    return int.from_bytes(os.read(fd, 128)[:4], "little")


def reset_signals() -> None:
    """Undo what a Python interpreter, or an event loop we were forked from, did to signals: they survive execve(2)."""
    libc.sigprocmask(_SIG_SETMASK, ctypes.create_string_buffer(128), None)
    for number in range(1, 32):
        if number not in (c.SIGKILL, c.SIGSTOP):
            libc.signal(number, None)  # SIG_DFL
