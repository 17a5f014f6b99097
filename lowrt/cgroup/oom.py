"""Hear of out-of-memory kills without polling: eventfd on v1, inotify on v2."""

import os

from lowrt.cgroup.files import CgroupError, read, write
from lowrt.linux import ffi as ctypes
from lowrt.linux.libc import check, libc

_IN_MODIFY = 2


class OomWatch:
    """Readable when there is news; `next` tells which."""

    __slots__ = ("_directory", "_fd", "_seen", "_unified")

    def __init__(self, directory: str, *, unified: bool) -> None:
        if not directory:
            raise CgroupError("memory controller missing")
        self._directory = directory
        self._unified = unified
        self._seen = oom_kills(directory, unified=unified)
        self._fd = _watch_v2(directory) if unified else _watch_v1(directory)

    def fileno(self) -> int:
        return self._fd

    def next(self) -> bool:
        """Wait for news: True for an out-of-memory event, False when the cgroup is gone."""
        while True:
            os.read(self._fd, 4096)
            if not os.path.isdir(self._directory):
                return False
            if not self._unified:
                return True  # v1's eventfd is rung for nothing else
            count = oom_kills(self._directory, unified=True)
            if count > self._seen:
                self._seen = count
                return True
            if "populated 0" in read(self._directory, "cgroup.events"):
                return False

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


def _watch_v1(directory: str) -> int:
    event_fd = os.eventfd(0, os.EFD_CLOEXEC)
    try:
        control_fd = os.open(f"{directory}/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
        try:
            write(directory, "cgroup.event_control", f"{event_fd} {control_fd}")
        finally:
            os.close(control_fd)
    except BaseException:
        os.close(event_fd)
        raise
    return event_fd


def _watch_v2(directory: str) -> int:
    fd = check(libc.inotify_init1(os.O_CLOEXEC), "inotify_init1")
    try:
        # cgroup.events too: the last process leaving is how the end is heard of.
        for name in ("memory.events", "cgroup.events"):
            path = f"{directory}/{name}".encode()
            check(libc.inotify_add_watch(fd, ctypes.c_char_p(path), _IN_MODIFY), "inotify_add_watch", directory)
    except BaseException:
        os.close(fd)
        raise
    return fd


def oom_kills(directory: str, *, unified: bool) -> int:
    """The kernel's count of processes killed; 0 where it keeps none."""
    try:
        text = read(directory, "memory.events" if unified else "memory.oom_control")
    except FileNotFoundError:
        return 0
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == "oom_kill":
            return int(value)
    return 0
