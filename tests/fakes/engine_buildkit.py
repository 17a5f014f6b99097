"""The gRPC server behind `/grpc` over fakes: a builder that builds nothing, a session that asks nothing."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
from grpc_health.v1 import health_pb2_grpc

from engine.builder.client import Made
from engine.builder.output import Line
from engine.builder.pruning import Prune, Record
from engine.builder.request import Request
from engine.builder.state import State
from engine.buildkit.caller import Caller
from engine.buildkit.door import Door
from engine.buildkit.jobs import Jobs
from engine.buildkit.server import register
from engine.buildkit.sessions import Sessions
from engine.images import platform as platforms
from proto.buildkit.services import control_pb2_grpc, gateway_pb2_grpc

IMAGE_ID = "sha256:" + "1" * 64


class Builder:
    """Says the lines it is given, holds what it was asked, and waits where a real one exports."""

    def __init__(self, *lines: Line | Exception) -> None:
        self.lines = lines
        self.asked: list[Request] = []
        self.bodies: list[bytes] = []
        self.ended = 0
        self.forever = False
        self.kept = [Record("1", "regular", "RUN x", "2026-01-02T03:04:05.6Z", 1764082800.25, 2, 7, False, "k1")]
        self.contexts: Any = None

    def temporary(self) -> str:
        """As the real one."""
        return "/nowhere"

    async def build(
        self, request: Request, chunks: AsyncIterator[bytes], client: Any = None
    ) -> AsyncGenerator[Line, None]:
        """As the real one."""
        self.asked.append(request)
        self.bodies.append(b"".join([chunk async for chunk in chunks]))
        try:
            for line in self.lines:
                if isinstance(line, Exception):
                    raise line
                yield line
            if self.forever:
                await asyncio.get_running_loop().create_future()
            if client is not None:
                state = State(platforms.host(), {"Cmd": ["x"]})
                await client.solved(Made(state, None, None, None, request))  # type: ignore[arg-type]
            if request.store:
                yield {"aux": {"ID": IMAGE_ID}}
        finally:
            self.ended += 1

    async def records(self) -> list[Record]:
        """As the real one."""
        return self.kept

    async def pruned(self, asked: Prune) -> list[Record]:
        """As the real one."""
        return asked.choose(self.kept)


class Served:
    """A client's stubs, and what is behind them."""

    def __init__(self, builder: Builder, jobs: Jobs, channel: grpc.aio.Channel) -> None:
        self.builder = builder
        self.jobs = jobs
        self.channel = channel
        self.control: Any = control_pb2_grpc.ControlStub(channel)
        self.bridge: Any = gateway_pb2_grpc.LLBBridgeStub(channel)
        self.health: Any = health_pb2_grpc.HealthStub(channel)

    @contextlib.asynccontextmanager
    async def session(self, identity: str = "session") -> AsyncIterator[Caller]:
        """A client's session, by which nothing is asked."""
        caller = Caller(identity)
        async with self.jobs.sessions.opened(caller):
            yield caller


@contextlib.asynccontextmanager
async def served(folder: Path, builder: Builder | None = None) -> AsyncIterator[Served]:
    """The server at a real socket, and a channel to it."""
    (folder / "engine-id").write_text("some-engine")
    room: Any = SimpleNamespace(paths=SimpleNamespace(engine_id=str(folder / "engine-id")))
    builder = builder or Builder()
    jobs = Jobs(builder, Sessions())  # type: ignore[arg-type]
    images: Any = SimpleNamespace(resolve=_image)

    def registered(server: grpc.aio.Server) -> None:
        register(server, room, builder, images, jobs, lambda: "10.0.0.1")  # type: ignore[arg-type]

    door = Door(str(folder), registered)
    _, writer = await door.connect()
    writer.close()
    await writer.wait_closed()
    channel = grpc.aio.insecure_channel(f"unix:{folder}/grpc.sock")
    try:
        yield Served(builder, jobs, channel)
    finally:
        await channel.close()
        await door.close()


async def _image(name: str, platform: Any) -> Any:
    return SimpleNamespace(id=IMAGE_ID, config={"os": platform.os, "name": name})
