"""/containers/{id}/archive and /export: files in and out."""

import os
import tempfile
from collections.abc import Iterable

from aiohttp import web

from engine.api.app import HEADERS, Route, empty
from engine.api.call import Call
from engine.containers import archive
from engine.containers.room import Room
from proto.errdefs import InvalidArgument

_STAT = "X-Docker-Container-Path-Stat"
_SPOOL = 4 << 20


class ContainerFileRoutes:
    """`docker cp` and `docker export`."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def table(self) -> Iterable[Route]:
        """The routes."""
        return (
            Route("HEAD", "/containers/{id}/archive", self.head),
            Route("GET", "/containers/{id}/archive", self.get, streams=True),
            Route("PUT", "/containers/{id}/archive", self.put),
            Route("GET", "/containers/{id}/export", self.export, streams=True),
        )

    def _path(self, call: Call) -> str:
        path = call.text("path")
        if not path:
            raise InvalidArgument("missing parameter: path cannot be empty")
        return path

    async def head(self, call: Call) -> web.StreamResponse:
        """HEAD …/archive."""
        live, path = self._room.registry.find(call.path["id"]), self._path(call)
        async with archive.opened(self._room, live) as tree:
            found = archive.look(tree.root, path, live)
        return web.Response(headers=HEADERS | {_STAT: found.header()})

    async def get(self, call: Call) -> web.StreamResponse:
        """GET …/archive."""
        live, path = self._room.registry.find(call.path["id"]), self._path(call)
        async with archive.opened(self._room, live) as tree:
            found = archive.look(tree.root, path, live)
            name = "." if path.endswith("/.") else found.name
            response = await self._begin(call, {_STAT: found.header()})
            async for chunk in archive.tar(tree, found.path, name):
                await response.write(chunk)
        await response.write_eof()
        self._room.announce(live.container, "archive-path", {"path": path})
        return response

    async def _begin(self, call: Call, more: dict[str, str], kind: str = "application/x-tar") -> web.StreamResponse:
        response = web.StreamResponse(headers=HEADERS | {"Content-Type": kind} | more)
        await response.prepare(call.request)
        return response

    async def put(self, call: Call) -> web.StreamResponse:
        """PUT …/archive: spooled first, so that a slow client holds no mount."""
        live, path = self._room.registry.find(call.path["id"]), self._path(call)
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL, dir=self._room.paths.temporary) as spool:
            async for chunk in call.request.content.iter_any():
                spool.write(chunk)
            spool.seek(0, os.SEEK_SET)
            await archive.extract(
                self._room,
                live,
                path,
                spool,  # type: ignore[arg-type]  # a binary file in all but name
                keep_kinds=call.flag("noOverwriteDirNonDir"),
                as_user=call.flag("copyUIDGID"),
            )
        return empty(200)

    async def export(self, call: Call) -> web.StreamResponse:
        """GET …/export."""
        live = self._room.registry.find(call.path["id"])
        async with archive.opened(self._room, live, volumes=False) as tree:
            response = await self._begin(call, {}, "application/octet-stream")
            async for chunk in archive.tar(tree, "/", "", one_filesystem=True):
                await response.write(chunk)
        await response.write_eof()
        self._room.announce(live.container, "export")
        return response
