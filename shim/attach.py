"""The attach socket of a process whose output the shim owns: fan-out of output, input from any client.

    client: {"stdin":true,"stdout":true,"stderr":true}\\n
    shim:   {"ok":true}\\n  then frames: stream (1 or 2), 0, 0, 0, length u32 BE, data
    client: raw stdin bytes; shutdown(SHUT_WR) is the end of its input

With {"probes":true} the connection becomes one for health checks instead (probes.py).

A slow client stops the process only once it is more than a MiB behind. The connection is closed after the last output.
"""

import asyncio
import json
import os
import socket
import struct
from collections.abc import Callable

from proto.errdefs import Fault
from proto.hangup import hung_up
from shim.logfile import LogFile
from shim.pump import FdSink, Sink

STDOUT, STDERR = 1, 2
_NAMES = {STDOUT: "stdout", STDERR: "stderr"}
_HEADER = struct.Struct(">BxxxI")
_BEHIND = 1 << 20
_REQUEST_LIMIT = 4096


class Input:
    """The process's stdin, fed by clients."""

    def __init__(self, sink: FdSink, *, once: bool) -> None:
        self.once = once  # closed when a client that sent input ends it
        self._sink = sink
        self._closed = False
        sink.on_ready = self._ready
        self.on_ready: Callable[[], None] = lambda: None

    def write(self, data: bytes) -> bool:
        """False when the process has enough for now."""
        return self._closed or self._sink.write(data)

    def close(self) -> None:
        """The process reads the end of file."""
        if not self._closed:
            self._closed = True
            self._sink.close()

    def _ready(self) -> None:
        self.on_ready()


class AttachHub:
    """One process's output, its log, and whoever is attached."""

    def __init__(self, path: str, log: LogFile | None, stdin: Input | None) -> None:
        self._path = path
        self._log = log
        self._stdin = stdin
        self._clients: set[_Client] = set()
        self._slow: set[_Client] = set()
        self._sinks: list[_HubSink] = []
        self._open_streams = 0
        self._server: asyncio.Server | None = None
        self.ended = False
        self.probes: Callable[[int], int] | None = None  # gives a connection to a process that runs checks; its pid
        if stdin is not None:
            stdin.on_ready = self._input_ready

    async def listen(self) -> None:
        """Bind the socket, for root alone, and accept clients."""
        listener = bind_anywhere(self._path)
        self._server = await asyncio.get_running_loop().create_unix_server(self._accept, sock=listener)

    def sink(self, stream: int) -> Sink:
        """Where one of the process's outputs goes."""
        sink = _HubSink(self, stream)
        self._sinks.append(sink)
        self._open_streams += 1
        return sink

    def output(self, stream: int, data: bytes) -> bool:
        """Log it and pass it on; False while somebody is too far behind."""
        if self._log is not None:
            self._log.write(_NAMES[stream], data)
        frame = _HEADER.pack(stream, len(data)) + data
        for client in list(self._clients):
            client.output(stream, frame)
        return not self._slow

    def stream_ended(self, stream: int) -> None:
        """One output is complete; after the last, clients are let go."""
        if self._log is not None:
            self._log.end(_NAMES[stream])
        self._open_streams -= 1
        if self._open_streams == 0:
            self.ended = True
            for client in list(self._clients):
                client.finish()

    def close_stdin(self) -> None:
        """End the process's input, whoever feeds it."""
        if self._stdin is not None:
            self._stdin.close()

    def close(self) -> None:
        """Forget everybody, and the socket."""
        if self._server is not None:
            self._server.close()
            self._server = None
            _unlink(self._path)
        for client in list(self._clients):
            client.finish()
        if self._log is not None:
            self._log.close()
        self.close_stdin()

    def attached(self, client: "_Client") -> None:
        """A client asked for its streams."""
        self._clients.add(client)
        if self.ended:
            client.finish()

    def input(self, data: bytes) -> bool:
        """A client's stdin bytes."""
        return self._stdin is None or self._stdin.write(data)

    def input_ended(self) -> None:
        """A client that gives input has no more."""
        if self._stdin is not None and self._stdin.once:
            self._stdin.close()

    def slow(self, client: "_Client") -> None:
        """A client is too far behind."""
        self._slow.add(client)

    def caught_up(self, client: "_Client") -> None:
        """It is not any more."""
        self._slow.discard(client)
        if not self._slow:
            for sink in self._sinks:
                sink.on_ready()

    def gone(self, client: "_Client") -> None:
        """It left."""
        self._clients.discard(client)
        if client in self._slow:
            self.caught_up(client)

    def _accept(self) -> "_Client":
        return _Client(self)

    def _input_ready(self) -> None:
        for client in self._clients:
            client.resume_input()


class _HubSink:
    """One stream's way into the hub."""

    def __init__(self, hub: AttachHub, stream: int) -> None:
        self.on_ready: Callable[[], None] = lambda: None
        self._hub = hub
        self._stream = stream

    def write(self, data: bytes) -> bool:
        return self._hub.output(self._stream, data)

    def close(self) -> None:
        self._hub.stream_ended(self._stream)


class _Client(asyncio.Protocol):
    """One connection; attached once its request line was read."""

    def __init__(self, hub: AttachHub) -> None:
        self._hub = hub
        self._transport: asyncio.Transport | None = None
        self._request: bytes | None = b""  # None once it was answered
        self._gives_input = False
        self._streams: set[int] = set()
        self._leaving: asyncio.Future[None] | None = None  # once its input has ended, for its end is not heard any more

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=_BEHIND, low=_BEHIND // 2)
        self._transport = transport

    def data_received(self, received: bytes) -> None:
        if self._request is None:
            self._input(received)
            return
        self._request += received
        line, newline, rest = self._request.partition(b"\n")
        if newline:
            self._attach(line)
            if rest:
                self._input(rest)
        elif len(self._request) > _REQUEST_LIMIT:
            self._refuse("the request line is too long")

    def eof_received(self) -> bool:
        if self._gives_input:
            self._hub.input_ended()
        if self._request is not None:
            return False
        assert self._transport is not None
        self._leaving = asyncio.ensure_future(hung_up(self._transport.get_extra_info("socket").fileno()))
        self._leaving.add_done_callback(self._left)
        return True  # stay, for output

    def _left(self, leaving: "asyncio.Future[None]") -> None:
        if not leaving.cancelled() and self._transport is not None:
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None and self._gives_input:
            self._hub.input_ended()
        if self._leaving is not None:
            self._leaving.cancel()
        self._transport = None
        self._hub.gone(self)

    def pause_writing(self) -> None:
        self._hub.slow(self)

    def resume_writing(self) -> None:
        self._hub.caught_up(self)

    def output(self, stream: int, frame: bytes) -> None:
        """Send a frame, if the client wants the stream."""
        if stream in self._streams and self._transport is not None:
            self._transport.write(frame)

    def finish(self) -> None:
        """Let go once everything was sent."""
        if self._transport is not None:
            self._transport.close()

    def resume_input(self) -> None:
        """The process takes input again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _attach(self, line: bytes) -> None:
        try:
            wanted = json.loads(line)
            streams = {number for number, name in _NAMES.items() if wanted.get(name)}
            gives = bool(wanted.get("stdin"))
        except (ValueError, AttributeError):
            self._refuse("the request is not a JSON object")
            return
        assert self._transport is not None
        if wanted.get("probes") and self._hub.probes is not None and self._handed_over(self._hub.probes):
            return
        self._request = None
        self._streams = streams
        self._gives_input = gives
        self._transport.write(b'{"ok":true}\n')
        self._hub.attached(self)

    def _handed_over(self, probes: Callable[[int], int]) -> bool:
        """Whether the connection is another process's now, or an answer was given."""
        assert self._transport is not None
        try:
            taken = bool(probes(self._transport.get_extra_info("socket").fileno()))
        except Fault as fault:
            self._refuse(str(fault))
            return True
        if taken:
            self._request = None
            self._transport.abort()
        return taken

    def _refuse(self, why: str) -> None:
        assert self._transport is not None
        self._request = None
        self._transport.write(json.dumps({"ok": False, "error": why}).encode() + b"\n")
        self._transport.close()

    def _input(self, data: bytes) -> None:
        if self._gives_input and not self._hub.input(data) and self._transport is not None:
            self._transport.pause_reading()


def bind_anywhere(path: str) -> socket.socket:
    """A listening socket, mode 0600, at a path of any length: by its folder's fd, since sun_path has 108 bytes."""
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        _unlink(path)
        listener.bind(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
        listener.listen(64)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
        os.close(folder)
    return listener


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
