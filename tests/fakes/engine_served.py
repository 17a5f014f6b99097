"""A bench behind a real unix socket: requests as a client makes them, answers as it reads them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from engine.api.app import Api, Route
from engine.api.routes import swarm
from engine.api.routes.checkpoints import CheckpointRoutes
from engine.api.routes.container_files import ContainerFileRoutes
from engine.api.routes.container_io import ContainerIoRoutes
from engine.api.routes.containers import ContainerRoutes
from engine.api.routes.events import EventRoutes
from engine.api.routes.exec import ExecRoutes
from engine.api.routes.system import SystemRoutes
from engine.api.routes.volumes import VolumeRoutes
from tests.fakes.engine_room import Bench


class Served:
    """The client's side."""

    def __init__(self, bench: Bench, session: aiohttp.ClientSession, path: str) -> None:
        self.bench = bench
        self.session = session
        self.path = path

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and document (or bytes, where it is none)."""
        async with self.session.request(method, f"http://d{path}", json=body) as response:
            data = await response.read()
            try:
                return response.status, json.loads(data) if data else None
            except ValueError:
                return response.status, data


class _Images:
    """One image that two others share four bytes with."""

    async def count(self) -> int:
        return 1

    async def disk_usage(self, version: tuple[int, int]) -> tuple[list[dict[str, Any]], int]:
        return [{"Id": "sha256:x", "Size": 9, "SharedSize": 4, "Containers": 0}], 5


@asynccontextmanager
async def served(bench: Bench, folder: Path) -> AsyncIterator[Served]:
    """The containers' routes over a bench."""

    async def version() -> dict[str, str]:
        return {"version": "v2", "revision": "abc"}

    room = bench.room
    groups: tuple[Any, ...] = (
        SystemRoutes(room, version, _Images()),
        CheckpointRoutes(room),
        ContainerRoutes(room),
        ContainerIoRoutes(room),
        ContainerFileRoutes(room),
        ExecRoutes(room),
        EventRoutes(room.bus),
        VolumeRoutes(room.volumes),
    )
    routes: list[Route] = [route for group in groups for route in group.table()] + list(swarm.routes())
    runner = web.ServerRunner(web.Server(Api(routes, room.background).handle, handler_cancellation=True))
    await runner.setup()
    path = str(folder / "api.sock")
    await web.UnixSite(runner, path).start()
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session:
        yield Served(bench, session, path)
    await runner.cleanup()
