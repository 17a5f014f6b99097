"""Exits, in the order in which they happen: the only place that waits for children.

The shim is a subreaper, so its children are the runtimes it starts, the loggers, and every orphan of its containers. An
exit can come before the pid is known to belong to a process (the runtime tells it in a file): while somebody `expects`
such a process, exits that nobody claims are kept.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator


class Exit:
    """One child's end: `status` is its exit code, or 128 + the signal that killed it."""

    __slots__ = ("at", "pid", "status")

    def __init__(self, pid: int, status: int, at: int) -> None:
        self.pid = pid
        self.status = status
        self.at = at  # nanoseconds since the epoch

    def __repr__(self) -> str:
        return f"Exit(pid={self.pid}, status={self.status})"


Watcher = Callable[[Exit], None]


class Reaper:
    """Hands each exit to whoever watches the pid."""

    def __init__(self) -> None:
        self._watchers: dict[int, list[Watcher]] = {}
        self._unclaimed: dict[int, Exit] = {}
        self._expecting = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Reap on SIGCHLD from now on, and what is dead already."""
        loop.add_signal_handler(signal.SIGCHLD, self.collect)
        self.collect()

    def collect(self) -> None:
        """Reap every child that is dead now."""
        while True:
            try:
                pid, raw = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(raw)
            self.deliver(Exit(pid, code if code >= 0 else 128 - code, time.time_ns()))

    def deliver(self, exit_: Exit) -> None:
        """Pass an exit on, or keep it while a process is expected."""
        watchers = self._watchers.pop(exit_.pid, None)
        if watchers is None:
            if self._expecting:
                self._unclaimed[exit_.pid] = exit_
            return
        for watcher in watchers:
            watcher(exit_)

    def watch(self, pid: int, watcher: Watcher) -> None:
        """Call `watcher` once the pid has exited: now, if it did while it was expected."""
        early = self._unclaimed.pop(pid, None)
        if early is not None:
            watcher(early)
        else:
            self._watchers.setdefault(pid, []).append(watcher)

    async def wait(self, pid: int) -> Exit:
        """The exit of a child started just now, before the event loop had a chance to reap it."""
        found: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.watch(pid, lambda exit_: None if found.done() else found.set_result(exit_))
        return await found

    @contextlib.contextmanager
    def expects(self) -> Iterator[None]:
        """Keep the exits nobody watches yet for as long as this lasts."""
        self._expecting += 1
        try:
            yield
        finally:
            self._expecting -= 1
            if not self._expecting:
                self._unclaimed.clear()
