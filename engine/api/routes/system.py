"""/_ping, /version, /info, /system/df."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from aiohttp import web

from engine.api.app import HEADERS, Route, respond
from engine.api.call import Call
from engine.api.render import container as render
from engine.api.render import disk_usage
from engine.api.render import system as render_system
from engine.containers import listing, programs, system_info
from engine.containers.live import Live
from engine.containers.room import Room
from engine.filters import Filters
from engine.logs.json_file import log_bytes
from proto.errdefs import Fault, InvalidArgument

Json = dict[str, Any]


class Images(Protocol):
    """What the images' room says of itself."""

    async def count(self) -> int: ...
    async def disk_usage(self, version: tuple[int, int]) -> tuple[list[Json], int]: ...


class SystemRoutes:
    """The engine about itself; images are counted and listed by their own room."""

    def __init__(
        self,
        room: Room,
        supervisor_version: Callable[[], Awaitable[Json]],
        images: Images,
        build_cache: Callable[[], Awaitable[list[Json]]] | None = None,
    ) -> None:
        self._room = room
        self._supervisor_version = supervisor_version
        self._images = images
        self._build_cache = build_cache

    def table(self) -> Iterable[Route]:
        """The routes."""
        return (
            Route("GET", "/_ping", self.ping, urgent=True),
            Route("HEAD", "/_ping", self.ping, urgent=True),
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
            "Builder-Version": "2",  # BuildKit's, for clients that have both
            "Content-Type": "text/plain; charset=utf-8",
        }
        return web.Response(body=b"OK" if call.request.method == "GET" else b"", headers=headers)

    async def version(self, call: Call) -> web.StreamResponse:
        """GET /version."""
        experimental = self._room.config.experimental
        return respond(render_system.version(await self._below(), experimental=experimental))

    async def info(self, call: Call) -> web.StreamResponse:
        """GET /info."""
        document = system_info.info(self._room, await self._images.count(), await self._below())
        return respond(render_system.info(document, call.version))

    async def _below(self) -> programs.Below:
        """What is below; a supervisor that does not answer just now keeps nobody from asking about the rest."""
        supervisor = None
        with contextlib.suppress(Fault):
            answer = await self._supervisor_version()
            supervisor = programs.Program("containerd", answer["version"], answer["revision"])
        return await programs.look(self._room.runtimes, self._room.policy.init_path, supervisor)

    async def df(self, call: Call) -> web.StreamResponse:
        """GET /system/df."""
        wanted = call.texts("type") if call.version >= (1, 42) else []
        for kind in wanted:
            if kind not in disk_usage.KINDS:
                raise InvalidArgument(f"unknown object type: {kind}")
        measures: dict[str, Callable[[Call], Awaitable[disk_usage.Usage]]] = {
            "image": self._image_usage,
            "container": self._container_usage,
            "volume": self._volume_usage,
            "build-cache": self._cache_usage,
        }
        usage = {kind: await measures[kind](call) for kind in wanted or disk_usage.KINDS}
        return respond(disk_usage.document(usage, call.version, verbose=call.flag("verbose")))

    async def _image_usage(self, call: Call) -> disk_usage.Usage:
        return disk_usage.images(*await self._images.disk_usage(call.version))

    async def _container_usage(self, call: Call) -> disk_usage.Usage:
        chosen = listing.choose(self._room, Filters(), everything=True)
        sizes = await listing.sizes(self._room, chosen)

        def show(live: Live) -> Json:
            document = render.summary(self._room, live, call.version, sizes[live.container.id])
            document.pop("ImageManifestDescriptor", None)  # which dockerd leaves out here
            return document | {"SizeLogs": log_bytes(live.container.log_path)}

        return disk_usage.containers(await listing.shown(chosen, show))

    async def _volume_usage(self, call: Call) -> disk_usage.Usage:
        volumes, items = self._room.volumes, []
        for volume in volumes.list():
            size = await asyncio.to_thread(volumes.size, volume.name)  # a volume may have a million files
            users = len(list(volumes.users(volume.name)))
            items.append(volumes.to_json(volume) | {"UsageData": {"RefCount": users, "Size": size}})
        return disk_usage.volumes(items)

    async def _cache_usage(self, call: Call) -> disk_usage.Usage:
        return disk_usage.build_cache(await self._build_cache() if self._build_cache else [])
