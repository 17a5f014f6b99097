"""FIFOs of a process (a foreign shim's task, or any exec): copies its output to the log and to whoever is attached.

The shim keeps both ends of each FIFO open, so the engine may die and come back: `open(reopen=True)` goes on reading
where the dead one stopped. A client that does not read holds the process up only once a mebibyte waits for it, as
with dockerd.
"""

import asyncio
import os
from collections import deque
from collections.abc import Awaitable, Callable

from engine import stdcopy
from engine.logs.json_writer import JsonLogWriter
from engine.supervisor_client.tasks import Stdio as Names

_CHUNK = 64 * 1024
_HIGH_WATER = 1 << 20

CloseStdin = Callable[[], Awaitable[None]]


class PumpAttachment:
    """One attached client: a queue of frames."""

    def __init__(self, pump: "PumpStdio", streams: frozenset[int], *, stdin: bool) -> None:
        self._pump = pump
        self._streams = streams
        self._stdin = stdin
        self._frames: deque[bytes] = deque()
        self._news = asyncio.Event()
        self.waiting = 0
        self.ended = False

    def put(self, stream: int, data: bytes) -> None:
        """The pump has something."""
        if stream in self._streams:
            self._frames.append(stdcopy.frame(stream, data))
            self.waiting += len(data)
            self._news.set()

    def end(self) -> None:
        """The pump has nothing more."""
        self.ended = True
        self._news.set()

    async def read(self) -> bytes:
        """What has gathered."""
        while not self._frames and not self.ended:
            self._news.clear()
            await self._news.wait()
        data = b"".join(self._frames)
        self._frames.clear()
        self.waiting = 0
        self._pump.resume()
        return data

    async def write(self, data: bytes) -> None:
        """To the process."""
        if self._stdin:
            await self._pump.write(data)

    async def close_stdin(self) -> None:
        """End of this client's input."""
        if self._stdin:
            await self._pump.input_ended()

    def close(self) -> None:
        """Leave."""
        self._pump.leave(self)


class PumpStdio:
    """The FIFOs of one process."""

    def __init__(
        self, names: Names, *, stdin_once: bool, close_stdin: CloseStdin, log: JsonLogWriter | None = None
    ) -> None:
        self.names = names
        self._stdin_once = stdin_once
        self._close_stdin = close_stdin
        self._log = log
        self._attached: set[PumpAttachment] = set()
        self._readers: dict[int, int] = {}  # fd → stream
        self._paused: dict[int, int] = {}
        self._keepers: list[int] = []
        self._stdin = -1
        self._done = asyncio.Event()

    def open(self, *, reopen: bool = False) -> None:
        """Make the FIFOs (or find them) and begin to read."""
        outputs = [(self.names.stdout, stdcopy.STDOUT)]
        if not self.names.terminal:
            outputs.append((self.names.stderr, stdcopy.STDERR))
        for path in (self.names.stdin, *(path for path, _ in outputs)):
            if path and not reopen:
                if os.path.lexists(path):
                    os.unlink(path)
                os.mkfifo(path, 0o600)
        loop = asyncio.get_running_loop()
        for path, stream in outputs:
            if not path:
                continue
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            if not reopen:  # without a writer a FIFO reads as ended: hold one until the shim has its own
                self._keepers.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
            self._readers[fd] = stream
            loop.add_reader(fd, self._readable, fd)
        if reopen:
            self.shim_has_opened()
        if not self._readers:
            self._done.set()

    def shim_has_opened(self) -> None:
        """The other side is open: drop our write ends, open stdin."""
        while self._keepers:
            os.close(self._keepers.pop())
        if self.names.stdin and self._stdin < 0:
            try:
                self._stdin = os.open(self.names.stdin, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                self._stdin = -1  # no reader: the process has closed its input already

    async def attach(self, *, stdin: bool, stdout: bool, stderr: bool) -> PumpAttachment:
        """Join."""
        streams = frozenset(stream for stream, wanted in ((stdcopy.STDOUT, stdout), (stdcopy.STDERR, stderr)) if wanted)
        attachment = PumpAttachment(self, streams, stdin=stdin)
        if self._done.is_set():
            attachment.end()
        else:
            self._attached.add(attachment)
        return attachment

    def leave(self, attachment: PumpAttachment) -> None:
        """A client has gone; others may have waited for it."""
        self._attached.discard(attachment)
        self.resume()

    def _readable(self, fd: int) -> None:
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._end(fd)
            return
        stream = self._readers[fd]
        if self._log is not None:
            self._log.write(stream, data)
        for attachment in self._attached:
            attachment.put(stream, data)
        if any(attachment.waiting > _HIGH_WATER for attachment in self._attached):
            self._paused[fd] = stream
            asyncio.get_running_loop().remove_reader(fd)

    def resume(self) -> None:
        """Read again if nobody is behind any more."""
        if self._paused and not any(attachment.waiting > _HIGH_WATER for attachment in self._attached):
            paused, self._paused = self._paused, {}
            for fd in paused:
                asyncio.get_running_loop().add_reader(fd, self._readable, fd)

    def _end(self, fd: int) -> None:
        asyncio.get_running_loop().remove_reader(fd)
        os.close(fd)
        del self._readers[fd]
        self._paused.pop(fd, None)
        if not self._readers:
            self._finish()

    def _finish(self) -> None:
        if self._log is not None:
            self._log.finish()
        for attachment in self._attached:
            attachment.end()
        self._attached.clear()
        self._done.set()

    async def write(self, data: bytes) -> None:
        """To stdin, waiting while its pipe is full."""
        view = memoryview(data)
        while view and self._stdin >= 0:
            try:
                view = view[os.write(self._stdin, view) :]
            except BlockingIOError:
                await self._writable()
            except BrokenPipeError:
                self._drop_stdin()

    async def _writable(self) -> None:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        fd = self._stdin
        loop.add_writer(fd, ready.set)
        try:
            await ready.wait()
        finally:
            if fd == self._stdin:
                loop.remove_writer(fd)

    async def input_ended(self) -> None:
        """A client's input has ended: close the process's, if it reads from one client only."""
        if self._stdin_once and self._stdin >= 0:
            self._drop_stdin()
            await self._close_stdin()

    def _drop_stdin(self) -> None:
        if self._stdin >= 0:
            asyncio.get_running_loop().remove_writer(self._stdin)
            os.close(self._stdin)
            self._stdin = -1

    async def drained(self) -> None:
        """Return when the output has ended."""
        await self._done.wait()

    def close(self) -> None:
        """Stop reading and remove the FIFOs."""
        self._drop_stdin()
        while self._keepers:
            os.close(self._keepers.pop())
        for fd in list(self._readers):
            self._end(fd)
        if not self._done.is_set():
            self._finish()
        for path in (self.names.stdin, self.names.stdout, self.names.stderr):
            if path and os.path.lexists(path):
                os.unlink(path)

    def abandon(self) -> None:
        """Leave the FIFOs as they are, for the next engine to find."""
        self._drop_stdin()
        for fd in list(self._readers):
            asyncio.get_running_loop().remove_reader(fd)
            os.close(fd)
        self._readers.clear()
