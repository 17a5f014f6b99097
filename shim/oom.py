"""Out of memory: told by the kernel, never polled.

v1: an eventfd registered for memory.oom_control in cgroup.event_control. v2: inotify on memory.events, whose oom_kill
count grows.
"""

import asyncio
import logging
import os
from collections.abc import Callable

from shim import linux
from shim.cgroups import Hierarchies, folders

logger = logging.getLogger(__name__)

_INOTIFY_BUFFER = 4096


class OomWatcher:
    """Calls `report(container id)` when the kernel killed for want of memory."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, hierarchies: Hierarchies, report: Callable[[str], None]
    ) -> None:
        self._loop = loop
        self._hierarchies = hierarchies
        self._report = report
        self._eventfds: dict[str, int] = {}
        self._inotify = -1
        self._kills: dict[str, tuple[str, int]] = {}  # container → memory.events and the count last seen

    def watch(self, container_id: str, membership: str) -> None:
        """Begin to watch a container's cgroup; without a memory controller nothing can be seen."""
        found = folders(self._hierarchies, membership)
        try:
            if self._hierarchies.is_v2 and "" in found:
                self._watch_v2(container_id, os.path.join(found[""], "memory.events"))
            elif "memory" in found:
                self._watch_v1(container_id, found["memory"])
        except OSError as error:
            logger.warning("cannot watch for out of memory: %s", error, extra={"id": container_id})

    def forget(self, container_id: str) -> None:
        """The container is gone."""
        fd = self._eventfds.pop(container_id, -1)
        if fd >= 0:
            self._loop.remove_reader(fd)
            os.close(fd)
        self._kills.pop(container_id, None)

    def _watch_v1(self, container_id: str, folder: str) -> None:
        control_path = os.path.join(folder, "memory.oom_control")
        fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            control = os.open(control_path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                with open(os.path.join(folder, "cgroup.event_control"), "w", encoding="ascii") as file:
                    file.write(f"{fd} {control}")
            finally:
                os.close(control)
        except OSError:
            os.close(fd)
            raise
        self._eventfds[container_id] = fd
        self._loop.add_reader(fd, self._v1_event, container_id, fd, control_path)

    def _v1_event(self, container_id: str, fd: int, control_path: str) -> None:
        os.eventfd_read(fd)
        if os.path.exists(control_path):
            self._report(container_id)
        else:
            self.forget(container_id)  # the kernel also tells when the cgroup is removed

    def _watch_v2(self, container_id: str, path: str) -> None:
        if self._inotify < 0:
            self._inotify = linux.inotify_init()
            self._loop.add_reader(self._inotify, self._v2_event)
        linux.inotify_add_watch(self._inotify, path, linux.IN_MODIFY)
        self._kills[container_id] = (path, read_kills(path))

    def _v2_event(self) -> None:
        try:
            os.read(self._inotify, _INOTIFY_BUFFER)
        except BlockingIOError:
            return
        for container_id, (path, before) in list(self._kills.items()):
            now = read_kills(path)
            self._kills[container_id] = (path, max(now, before))
            if now > before:
                self._report(container_id)


def read_kills(path: str) -> int:
    """The oom_kill count of a memory.events file, 0 without one."""
    try:
        with open(path, encoding="ascii") as file:
            return parse_kills(file.read())
    except OSError:
        return 0


def parse_kills(text: str) -> int:
    """The oom_kill count in a memory.events text."""
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), 0)
