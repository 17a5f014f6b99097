"""Hooks: foreign programs at fixed points of a container's life, fed its state on stdin.

They get the environment that the configuration gives them and nothing else: neither ours, nor the container's, whose
image could put LD_PRELOAD there (CVE-2025-23266).
"""

import os
import select
import time

from lowrt.errors import Fault, describe
from lowrt.jsontext import dumps
from lowrt.linux.constants import SIGKILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

PRESTART, CREATE_RUNTIME, CREATE_CONTAINER = "prestart", "createRuntime", "createContainer"
START_CONTAINER, POSTSTART, POSTSTOP = "startContainer", "poststart", "poststop"
LATE = (POSTSTART, POSTSTOP)  # run by another process of ours than the one that has read the configuration

_MOST_OUTPUT = 64 * 1024
_IGNORED_BY_PYTHON = (13, 25)  # SIGPIPE and SIGXFSZ


def run_all(hooks: "Json", point: str, state: "Json") -> None:
    """Run the hooks of one point in their order; the first that fails is a Fault."""
    for number, hook in enumerate(hooks.get(point) or ()):
        try:
            run(hook, state)
        except (Fault, OSError) as error:
            raise Fault(f"error running hook #{number}: {describe(error)}") from error


def run_each(hooks: "Json", point: str, state: "Json") -> list[str]:
    """Run all hooks of one point whatever becomes of them; the sentences of those that failed."""
    failures = []
    for number, hook in enumerate(hooks.get(point) or ()):
        try:
            run(hook, state)
        except (Fault, OSError) as error:
            failures.append(f"error running {point} hook #{number}: {describe(error)}")
    return failures


def run(hook: "Json", state: "Json") -> None:
    """Run one hook; a Fault when it fails or takes longer than it may."""
    path: str = hook.get("path") or ""
    timeout = hook.get("timeout")
    child = _Child(path, hook.get("args") or [path], hook.get("env") or [])
    try:
        status = child.talk(dumps(state).encode(), None if timeout is None else time.monotonic() + timeout)
    except TimeoutError:
        raise Fault(f"hook ran past specified timeout of {float(timeout or 0):.1f}s") from None
    finally:
        child.close()
    if status:
        words = f"exit status {os.WEXITSTATUS(status)}" if os.WIFEXITED(status) else f"signal {os.WTERMSIG(status)}"
        raise Fault(f"error running hook: {words}, stdout: {child.output(1)}, stderr: {child.output(2)}")


class _Child:
    """The hook's process and the pipes to it; `close` ends both."""

    def __init__(self, path: str, arguments: list[str], environment: list[str]) -> None:
        self._texts = {1: bytearray(), 2: bytearray()}
        self._pipes: dict[int, int] = {}
        self._pid = 0
        actions, theirs = [], []
        for fd in (0, 1, 2):
            reading, writing = os.pipe()
            their, our = (reading, writing) if fd == 0 else (writing, reading)
            self._pipes[fd] = our
            theirs.append(their)
            actions.append((os.POSIX_SPAWN_DUP2, their, fd))
        pairs = {name: value for name, _, value in (entry.partition("=") for entry in environment)}
        try:
            self._pid = os.posix_spawn(
                path, arguments, pairs, file_actions=actions, setpgroup=0, setsigmask=(), setsigdef=_IGNORED_BY_PYTHON
            )
        except OSError:
            self.close()
            raise
        finally:
            for fd in theirs:
                os.close(fd)

    def talk(self, document: bytes, deadline: float | None) -> int:
        """Feed stdin, collect the output, and return the wait status; TimeoutError when the deadline passes."""
        os.set_blocking(self._pipes[0], False)
        pidfd = os.pidfd_open(self._pid)
        try:
            poller = select.poll()
            poller.register(pidfd, select.POLLIN)
            poller.register(self._pipes[0], select.POLLOUT)
            poller.register(self._pipes[1], select.POLLIN)
            poller.register(self._pipes[2], select.POLLIN)
            while True:
                for fd, _ in poller.poll(_milliseconds_left(deadline)):
                    if fd == pidfd:
                        return self._reap()
                    if fd == self._pipes.get(0):
                        document = self._feed(document, poller)
                    else:
                        self._collect(fd, poller)
        finally:
            os.close(pidfd)

    def _feed(self, document: bytes, poller: "select.poll") -> bytes:
        try:
            document = document[os.write(self._pipes[0], document) :]
        except BrokenPipeError:  # it does not care for its state
            document = b""
        if not document:
            poller.unregister(self._pipes[0])
            os.close(self._pipes.pop(0))
        return document

    def _collect(self, fd: int, poller: "select.poll") -> None:
        chunk = os.read(fd, _MOST_OUTPUT)
        text = self._texts[1 if fd == self._pipes[1] else 2]
        text += chunk[: _MOST_OUTPUT - len(text)]
        if not chunk:
            poller.unregister(fd)

    def _reap(self) -> int:
        pid, self._pid = self._pid, 0
        for fd in (1, 2):  # what it wrote just before it ended; a child of its own may hold the pipe open
            os.set_blocking(self._pipes[fd], False)
            try:
                self._texts[fd] += os.read(self._pipes[fd], _MOST_OUTPUT)
            except BlockingIOError:
                continue
        return os.waitpid(pid, 0)[1]

    def output(self, fd: int) -> str:
        return self._texts[fd].decode(errors="replace")

    def close(self) -> None:
        """Kill what still runs, with the processes it started, and close the pipes."""
        if self._pid:
            pid, self._pid = self._pid, 0
            os.killpg(pid, SIGKILL)
            os.waitpid(pid, 0)
        for fd in self._pipes.values():
            os.close(fd)
        self._pipes.clear()


def _milliseconds_left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left * 1000
