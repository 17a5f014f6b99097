"""/volumes."""

import asyncio
from collections.abc import Iterable

from aiohttp import web

from engine.api import bodies
from engine.api.app import Route, empty, respond
from engine.api.call import Call
from engine.filters import Filters
from engine.volumes.store import Volume, Volumes
from proto.errdefs import Conflict, InvalidArgument, NotFound

_LIST_FILTERS = frozenset({"dangling", "driver", "label", "name"})
_PRUNE_FILTERS = frozenset({"all", "label", "label!"})


class VolumeRoutes:
    """Volumes."""

    def __init__(self, volumes: Volumes) -> None:
        self._volumes = volumes

    def table(self) -> Iterable[Route]:
        """The routes."""
        return (
            Route("GET", "/volumes", self.list),
            Route("POST", "/volumes/create", self.create),
            Route("POST", "/volumes/prune", self.prune),
            Route("GET", "/volumes/{name}", self.inspect),
            Route("DELETE", "/volumes/{name}", self.remove),
        )

    async def list(self, call: Call) -> web.StreamResponse:
        """GET /volumes."""
        filters = call.filters(_LIST_FILTERS)
        dangling = filters.boolean("dangling")
        chosen = [
            self._volumes.to_json(volume) for volume in self._volumes.list() if self._matches(volume, filters, dangling)
        ]
        return respond({"Volumes": chosen, "Warnings": None})

    def _matches(self, volume: Volume, filters: Filters, dangling: bool | None) -> bool:
        return (
            filters.pattern("name", volume.name)
            and filters.exact("driver", "local")
            and filters.labels_match("label", volume.labels)
            and (dangling is None or dangling is (not list(self._volumes.users(volume.name))))
        )

    async def create(self, call: Call) -> web.StreamResponse:
        """POST /volumes/create."""
        body = await call.json(bodies.VOLUME)  # nothing said: an anonymous one
        driver = body.get("Driver") or "local"
        if driver != "local":
            name = body.get("Name") or ""
            raise NotFound(f'create {name}: error looking up volume plugin {driver}: plugin "{driver}" not found')
        if body.get("ClusterVolumeSpec"):
            raise InvalidArgument("ClusterVolumeSpec is not built into this engine")
        volume = self._volumes.ensure(body.get("Name") or "", labels=body.get("Labels"), options=body.get("DriverOpts"))
        return respond(self._volumes.to_json(volume), status=201)

    async def inspect(self, call: Call) -> web.StreamResponse:
        """GET /volumes/{name}."""
        return respond(self._volumes.to_json(self._volumes.get(call.path["name"])))

    async def remove(self, call: Call) -> web.StreamResponse:
        """DELETE /volumes/{name}."""
        await self._volumes.erase(call.path["name"], force=call.flag("force"))
        return empty()

    async def prune(self, call: Call) -> web.StreamResponse:
        """POST /volumes/prune: anonymous ones only, from 1.42 on, unless all are asked for."""
        filters = call.filters(_PRUNE_FILTERS)
        named_too = call.version < (1, 42) or filters.boolean("all") is True
        dry_run, deleted, freed = call.flag("dryrun"), [], 0
        for volume in self._volumes.list():
            if (
                (volume.anonymous or named_too)
                and not list(self._volumes.users(volume.name))
                and filters.labels_match("label", volume.labels)
                and not ("label!" in filters and filters.labels_match("label!", volume.labels))
            ):
                size = await asyncio.to_thread(self._volumes.size, volume.name)
                if not dry_run:
                    try:
                        await self._volumes.erase(volume.name)
                    except (Conflict, NotFound):
                        continue  # somebody has taken it meanwhile, or away
                freed += size
                deleted.append(volume.name)
        return respond({"VolumesDeleted": deleted, "SpaceReclaimed": freed})
