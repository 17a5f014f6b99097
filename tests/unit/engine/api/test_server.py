"""How long a request's head may take, and how long it may be."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from engine.api.server import Server

REQUEST = b"GET /%s HTTP/1.1\r\nHost: docker\r\n%s\r\n"


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    await request.read()
    return web.Response(text=f"{len(request.path_qs)} {len(request.headers.get('X-Registry-Config', ''))}")


@contextlib.asynccontextmanager
async def client(head_within: float) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server."""
    runner = web.ServerRunner(Server(_answer, head_within=head_within), shutdown_timeout=1)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await runner.cleanup()


async def body(reader: asyncio.StreamReader) -> bytes:
    """The body of one answer."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    length = next(line.split()[1] for line in head.splitlines() if line.lower().startswith(b"content-length"))
    return await asyncio.wait_for(reader.readexactly(int(length)), 30)


@pytest.mark.parametrize("sent", [b"", b"GET /_ping HTTP/1.1\r\n", b"GET /_ping HTTP/1.1\r\nHost: docker\r\n"])
async def test_a_head_that_does_not_come_is_waited_for_only_so_long(sent: bytes) -> None:
    async with client(0.2) as (reader, writer):
        writer.write(sent)
        assert await ending(reader) == b""


async def ending(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server has closed; where it had not read all, that is a reset."""
    try:
        return await asyncio.wait_for(reader.read(), 30)
    except ConnectionResetError:
        return b""


async def test_sending_slowly_wins_no_time() -> None:
    """A letter now and then is no answer."""
    async with client(0.3) as (reader, writer):

        async def trickle() -> None:
            for letter in REQUEST % (b"x" * 10000, b""):
                writer.write(bytes([letter]))
                await asyncio.sleep(0.02)

        sender = asyncio.ensure_future(trickle())
        assert await ending(reader) == b""
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await sender


async def test_a_later_request_has_its_own_time() -> None:
    """Idling between requests is none of it; a second head that stops halfway is."""
    async with client(2) as (reader, writer):
        writer.write(REQUEST % (b"", b""))
        assert await body(reader) == b"1 0"
        await asyncio.sleep(2.5)
        writer.write(REQUEST % (b"a", b""))
        assert await body(reader) == b"2 0"
        writer.write(b"GET / HT")
        assert await ending(reader) == b""


async def test_a_body_takes_the_time_it_takes() -> None:
    async with client(2) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: docker\r\nContent-Length: 2\r\n\r\na")
        await asyncio.sleep(2.5)
        writer.write(b"b")
        assert await body(reader) == b"1 0"


async def test_heads_may_be_as_long_as_gos() -> None:
    """The credentials of many registries are one line, and so are a build's arguments."""
    async with client(30) as (reader, writer):
        writer.write(REQUEST % (b"?" + b"q" * 200_000, b"X-Registry-Config: " + b"c" * 300_000 + b"\r\n"))
        assert await body(reader) == b"200002 300000"
