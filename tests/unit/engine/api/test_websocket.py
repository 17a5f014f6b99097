"""A websocket as a client of a container's streams."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from engine.api.app import Api, Route
from engine.api.call import Call
from engine.api.websocket import accept
from engine.background import Background

Handler = Callable[[Call], Awaitable[web.StreamResponse]]


async def echo(call: Call) -> web.StreamResponse:
    client = await accept(call)
    while data := await client.reader.read(100):
        await client.write_out(data.upper()[:1])
        await client.write_out(data.upper()[1:])
    await client.finish()
    return client.response


@contextlib.asynccontextmanager
async def connected(folder: Path, version: str, handler: Handler) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A websocket to a route of its own."""
    runner = web.ServerRunner(web.Server(Api([Route("GET", "/x", handler, streams=True)], Background()).handle))
    await runner.setup()
    path = str(folder / "s")
    await web.UnixSite(runner, path).start()
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session,
        session.ws_connect(f"http://d/{version}/x") as socket,
    ):
        yield socket
    await runner.cleanup()


async def talk(folder: Path, version: str, *messages: bytes | str) -> list[bytes | str]:
    got: list[bytes | str] = []
    async with connected(folder, version, echo) as socket:
        for message in messages:
            await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_str(message))
        for _ in messages:
            got += [(await socket.receive(5)).data, (await socket.receive(5)).data]
    return got


async def test_messages_come_and_go_in_binary(tmp_path: Path) -> None:
    assert await talk(tmp_path, "v1.51", b"abc", "def") == [b"A", b"BC", b"D", b"EF"]


async def test_old_clients_get_text(tmp_path: Path) -> None:
    assert await talk(tmp_path, "v1.27", b"abc") == ["A", "BC"]


async def test_a_request_without_a_handshake_is_refused(tmp_path: Path) -> None:
    runner = web.ServerRunner(web.Server(Api([Route("GET", "/x", echo, streams=True)], Background()).handle))
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "s")).start()
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(tmp_path / "s"))) as session,
        session.get("http://d/x") as response,
    ):
        assert response.status == 400
        assert (await response.json()) == {"message": "not websocket protocol"}
    await runner.cleanup()


@pytest.mark.parametrize("data", ["ä".encode(), "€".encode()])
async def test_a_character_in_two_pieces_is_one(tmp_path: Path, data: bytes) -> None:
    async def halves(call: Call) -> web.StreamResponse:
        client = await accept(call)
        await client.write_out(data[:1])
        await client.write_out(data[1:])
        await client.finish()
        return client.response

    async with connected(tmp_path, "v1.24", halves) as socket:
        assert (await socket.receive(5)).data == data.decode()


async def test_a_goodbye_is_heard_also_where_nobody_reads(tmp_path: Path) -> None:
    left = asyncio.Event()

    async def wait(call: Call) -> web.StreamResponse:
        client = await accept(call)
        await client.gone(unread=True)
        left.set()
        return client.response

    async with connected(tmp_path, "v1.51", wait) as socket:
        await socket.send_bytes(b"into the void")
        await socket.close()
        async with asyncio.timeout(30):
            await left.wait()
