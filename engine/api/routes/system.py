"""/_ping, /version, /info, /system/df."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

from engine.api.app import HEADERS, Route, respond
from engine.api.call import Call
from engine.api.render import container as render
from engine.api.render import system as render_system
from engine.containers import listing, system_info
from engine.containers.room import Room
from engine.filters import Filters
from engine.logs.json_file import log_bytes

Json = dict[str, Any]


class SystemRoutes:
    """The engine about itself; images are counted and listed by their own room."""

    def __init__(
        self,
        room: Room,
        supervisor_version: Callable[[], Awaitable[Json]],
        images: Callable[[Call], Awaitable[list[Json]]],
        build_cache: Callable[[], list[Json]] = list,
    ) -> None:
        self._room = room
        self._supervisor_version = supervisor_version
        self._images = images
        self._build_cache = build_cache

    def table(self) -> Iterable[Route]:
        """The routes."""
        return (
            Route("GET", "/_ping", self.ping),
            Route("HEAD", "/_ping", self.ping),
            Route("GET", "/version", self.version),
            Route("GET", "/info", self.info),
            Route("GET", "/system/df", self.df),
        )

    async def ping(self, call: Call) -> web.StreamResponse:
        """What every client asks first."""
        headers = HEADERS | {
            "Cache-Control": "no-cache, no-store, must-revalidate",
            "Pragma": "no-cache",
            "Swarm": "inactive",
            "Content-Type": "text/plain; charset=utf-8",
        }
        return web.Response(body=b"OK" if call.request.method == "GET" else b"", headers=headers)

    async def version(self, call: Call) -> web.StreamResponse:
        """GET /version."""
        return respond(render_system.version(await self._supervisor_version()))

    async def info(self, call: Call) -> web.StreamResponse:
        """GET /info."""
        return respond(system_info.info(self._room, len(await self._images(call))))

    async def df(self, call: Call) -> web.StreamResponse:
        """GET /system/df."""
        wanted = call.texts("type") or ["container", "image", "volume", "build-cache"]
        document: Json = {"LayersSize": 0, "Images": [], "Containers": [], "Volumes": [], "BuildCache": []}
        if "image" in wanted:
            document["Images"] = await self._images(call)
            document["LayersSize"] = sum(
                image.get("Size", 0) - max(image.get("SharedSize", 0), 0) for image in document["Images"]
            )
        if "container" in wanted:
            chosen = listing.choose(self._room, Filters(), everything=True)
            sizes = await listing.sizes(self._room, chosen)
            document["Containers"] = [
                render.summary(self._room, live, call.version, sizes[live.container.id])
                | {"SizeLogs": log_bytes(live.container.log_path)}
                for live in chosen
            ]
        if "volume" in wanted:
            document["Volumes"] = self._volumes()
        if "build-cache" in wanted:
            document["BuildCache"] = self._build_cache()
        return respond(document)

    def _volumes(self) -> list[Json]:
        volumes = self._room.volumes
        return [
            volumes.to_json(volume)
            | {"UsageData": {"RefCount": len(list(volumes.users(volume.name))), "Size": volumes.size(volume.name)}}
            for volume in volumes.list()
        ]
