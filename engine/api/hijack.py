"""Taking a connection over from HTTP: after 101 (200 for old clients) it is a raw stream both ways, with half-close.

A client speaks only once it has read the answer, as all of Docker's do: what it sent earlier, HTTP's parser has taken.
"""

import asyncio

from aiohttp import web

from engine.api.app import HEADERS
from engine.api.call import Call
from proto.errdefs import InvalidArgument
from proto.hangup import hung_up

RAW, MULTIPLEXED = "application/vnd.docker.raw-stream", "application/vnd.docker.multiplexed-stream"


class Hijacked(web.StreamResponse):
    """The connection, and the response object that aiohttp is given in its place."""

    def __init__(self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self._call = call
        self.reader = reader
        self.writer = writer

    async def write_out(self, data: bytes) -> bool:
        """Send; False when the client has gone."""
        if self.writer.is_closing():
            return False
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            return False
        return True

    async def gone(self, *, unread: bool) -> None:
        """Return once the client has closed the connection, and not only its input."""
        fd = self.writer.get_extra_info("socket").fileno()
        if fd >= 0:  # else it is closed on this side, too
            await hung_up(fd)

    async def finish(self) -> None:
        """Send what is buffered, close, and let aiohttp forget the connection."""
        try:
            self.writer.close()
            await self.writer.wait_closed()
        except (ConnectionError, TimeoutError):
            pass  # the client was faster
        self.forget()

    def forget(self) -> None:
        """Only the latter: for a connection that somebody else has closed."""
        protocol = self._call.request.protocol
        protocol.force_close()
        manager = protocol._manager  # the connection's end never reaches the protocol that we took it from
        if manager is not None:
            manager.connection_lost(protocol, None)

    async def prepare(self, request: web.BaseRequest) -> None:
        """Headers went out long ago."""

    async def write_eof(self, data: bytes = b"") -> None:
        """The stream has ended by itself."""


def hijack(call: Call, *, tty: bool) -> Hijacked:
    """Answer the request and take the connection."""
    headers = call.request.headers
    multiplexed = not tty and call.version >= (1, 42)
    upgrade = "upgrade" in headers.get("Connection", "").lower() and headers.get("Upgrade")
    lines = ["HTTP/1.1 101 UPGRADED" if upgrade else "HTTP/1.1 200 OK"]
    lines.append(f"Content-Type: {MULTIPLEXED if multiplexed and upgrade else RAW}")
    if upgrade:
        lines += ["Connection: Upgrade", "Upgrade: tcp"]
    lines += [f"{name}: {value}" for name, value in HEADERS.items()]
    return _taken(call, lines)


def upgrade_to_h2c(call: Call) -> Hijacked:
    """The same for BuildKit's two endpoints, behind which gRPC is spoken; refused unless that is asked for."""
    asked = call.request.headers.get("Upgrade", "")
    if not asked:
        raise InvalidArgument("no upgrade proto in request")
    if asked != "h2c":
        raise InvalidArgument(f"protocol {asked[:80]} not supported")
    return _taken(call, ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: h2c"])


def _taken(call: Call, head: list[str]) -> Hijacked:
    transport = call.request.transport
    if transport is None:
        raise ConnectionResetError("client gone")
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 16, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    if not transport.is_reading():
        transport.resume_reading()
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    writer.write("\r\n".join(head).encode() + b"\r\n\r\n")
    return Hijacked(call, reader, writer)
