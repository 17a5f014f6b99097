"""Copying of output: a `Pump` reads a process's pipe or pty and feeds a `Sink`, which says when it has had enough.

Callbacks of the event loop, no tasks and no threads: a shim has up to three of these per process, and forks.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Protocol

CHUNK = 64 * 1024
_SETTLE_SECONDS = 0.1  # a pty's last output passes through a kernel work queue


class Sink(Protocol):
    """Where output goes."""

    on_ready: Callable[[], None]

    def write(self, data: bytes) -> bool:
        """Take all of the data; False asks for a pause until `on_ready` is called."""

    def close(self) -> None:
        """No more will come."""


def _nobody() -> None:
    """The `on_ready` of a sink that no pump uses yet."""


class FdSink:
    """A fifo, pipe or file. A destination that fails is given up and its output dropped: the process must not block."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        self.on_ready: Callable[[], None] = _nobody
        self._loop = loop
        self._fd = fd
        self._rest = b""
        self._ended = False

    def write(self, data: bytes) -> bool:
        if self._fd < 0:
            return True
        written = self._try(data)
        if written < len(data) and self._fd >= 0:
            self._rest = data[written:]
            self._loop.add_writer(self._fd, self._writable)
            return False
        return True

    def close(self) -> None:
        self._ended = True
        if not self._rest:
            self._release()

    def abandon(self) -> None:
        """Close now, whatever was not taken yet."""
        if self._rest:
            self._loop.remove_writer(self._fd)
            self._rest = b""
        self._release()

    def _writable(self) -> None:
        written = self._try(self._rest)
        self._rest = self._rest[written:] if self._fd >= 0 else b""
        if self._rest:
            return
        if self._fd >= 0:
            self._loop.remove_writer(self._fd)
        if self._ended:
            self._release()
        else:
            self.on_ready()

    def _try(self, data: bytes) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError:
            if self._rest:
                self._loop.remove_writer(self._fd)
            self._release()
            return len(data)

    def _release(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class Pump:
    """From an fd that it owns, to a sink, until the end of file. `done` completes when everything was handed over."""

    def __init__(self, loop: asyncio.AbstractEventLoop, source: int, sink: Sink) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._source = source
        self._sink = sink
        self._reading = False
        self._settling: asyncio.TimerHandle | None = None
        os.set_blocking(source, False)
        sink.on_ready = self._resume

    def start(self) -> None:
        """Begin to copy."""
        self._resume()

    def settle(self) -> None:
        """The process is gone: end once nothing more has come for a moment, though others may hold the pty open."""
        if not self.done.done():
            self._settling = self._loop.call_later(_SETTLE_SECONDS, self._quiet)

    def stop(self) -> None:
        """End now."""
        self._finish()

    def _resume(self) -> None:
        if not self.done.done() and not self._reading:
            self._reading = True
            self._loop.add_reader(self._source, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._source, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # EIO: no process has the pty open any more
        if not data:
            self._finish()
            return
        if self._settling is not None:
            self._settling.cancel()
            self.settle()
        if not self._sink.write(data):
            self._reading = False
            self._loop.remove_reader(self._source)

    def _quiet(self) -> None:
        if self._reading:
            self._finish()
        else:
            self.settle()  # paused by a slow reader: it has not seen everything yet

    def _finish(self) -> None:
        if self.done.done():
            return
        if self._settling is not None:
            self._settling.cancel()
        if self._reading:
            self._loop.remove_reader(self._source)
            self._reading = False
        source, self._source = self._source, -1
        os.close(source)
        self._sink.close()
        self.done.set_result(None)
