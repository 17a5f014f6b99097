"""`/grpc` and `/session` at the edge: the upgrade, what is refused before it, gRPC behind it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from aiohttp import web

from engine.api.app import Api
from engine.api.routes.buildkit import routes
from engine.background import Background
from engine.buildkit.endpoints import BuildKit
from proto.buildkit.services import control_pb2 as pb
from proto.buildkit.services import control_pb2_grpc
from tests.fakes.engine_buildkit import Builder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
UPGRADE = "Connection: Upgrade\r\nUpgrade: h2c\r\n"


@contextlib.asynccontextmanager
async def _served(folder: Path) -> AsyncIterator[tuple[BuildKit, str]]:
    (folder / "engine-id").write_text("some-engine")
    room: Any = SimpleNamespace(paths=SimpleNamespace(exec_root=str(folder), engine_id=str(folder / "engine-id")))
    images: Any = None
    buildkit = BuildKit(room, Builder(), images, lambda: "")  # type: ignore[arg-type]
    background = Background()
    api = Api(routes(buildkit), background)
    runner = web.ServerRunner(web.Server(api.handle, handler_cancellation=True))
    await runner.setup()
    path = str(folder / "api.sock")
    await web.UnixSite(runner, path).start()
    try:
        yield buildkit, path
    finally:
        await buildkit.close()
        await runner.cleanup()
        await background.close()


@contextlib.asynccontextmanager
async def _asked(path: str, target: str, headers: str) -> AsyncIterator[tuple[bytes, Any, Any]]:
    """The answer's head, and the connection."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(f"POST {target} HTTP/1.1\r\nHost: d\r\n{headers}\r\n".encode())
        yield await reader.readuntil(b"\r\n\r\n"), reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_grpc_is_spoken_behind_the_upgrade(tmp_path: Path) -> None:
    async with _served(tmp_path) as (_, path):
        relayed = str(tmp_path / "relay.sock")

        async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with _asked(path, "/grpc", UPGRADE) as (head, far, near):
                assert head.startswith(b"HTTP/1.1 101 ")
                await asyncio.gather(_copy(reader, near), _copy(far, writer))
                writer.close()

        server = await asyncio.start_unix_server(lead, relayed)
        async with grpc.aio.insecure_channel(f"unix:{relayed}") as channel:
            stub: Any = control_pb2_grpc.ControlStub(channel)
            (worker,) = (await stub.ListWorkers(pb.ListWorkersRequest())).record
        assert worker.ID == "some-engine"
        server.close()
        await server.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()


async def test_a_session_is_there_until_its_connection_ends(tmp_path: Path) -> None:
    about = "X-Docker-Expose-Session-Uuid: one\r\nX-Docker-Expose-Session-Sharedkey: k\r\n"
    about += "X-Docker-Expose-Session-Grpc-Method: /a/B\r\nX-Docker-Expose-Session-Grpc-Method: /a/C\r\n"
    async with _served(tmp_path) as (buildkit, path):
        async with _asked(path, "/session", UPGRADE + about) as (head, reader, writer):
            assert head.startswith(b"HTTP/1.1 101 ")
            assert await reader.readexactly(len(PREFACE)) == PREFACE
            writer.write(b"\0\0\0\4\0\0\0\0\0")  # settings: before these a session is none yet
            caller = await buildkit.sessions.get("one")
            assert (caller.shared_key, caller.supports("/a/B"), caller.supports("/a/C")) == ("k", True, True)
            async with _asked(path, "/session", UPGRADE + about) as (refused, _, _):
                assert refused.startswith(b"HTTP/1.1 409 ")
        await asyncio.wait_for(caller.closed.wait(), 30)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/grpc", ""),
        ("/grpc", "Connection: Upgrade\r\nUpgrade: tcp\r\n"),
        ("/session", UPGRADE),
        ("/session", "X-Docker-Expose-Session-Uuid: one\r\n"),
    ],
)
async def test_without_an_upgrade_or_an_id_there_is_none(tmp_path: Path, target: str, headers: str) -> None:
    async with _served(tmp_path) as (_, path), _asked(path, target, headers) as (head, _, _):
        assert head.startswith(b"HTTP/1.1 400 ")


async def test_garbage_ends_the_connection(tmp_path: Path) -> None:
    about = "X-Docker-Expose-Session-Uuid: one\r\n"
    async with _served(tmp_path) as (_, path):
        for target, headers in (("/grpc", UPGRADE), ("/session", UPGRADE + about)):
            async with _asked(path, target, headers) as (head, reader, writer):
                assert head.startswith(b"HTTP/1.1 101 ")
                writer.write(b"\xff" * 4096)
                await asyncio.wait_for(reader.read(), 30)
