"""/containers/{id}/checkpoints: experimental, as with dockerd."""

from collections.abc import Iterable

from aiohttp import web

from engine.api import bodies
from engine.api.app import Route, empty, respond
from engine.api.call import Call
from engine.containers import checkpoints
from engine.containers.live import Live
from engine.containers.room import Room


class CheckpointRoutes:
    """Make, list and remove the checkpoints of a container."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def table(self) -> Iterable[Route]:
        """The routes."""
        every = "/containers/{id}/checkpoints"
        return (
            Route("GET", every, self.list),
            Route("POST", every, self.create),
            Route("DELETE", every + "/{checkpoint}", self.remove),
        )

    async def list(self, call: Call) -> web.StreamResponse:
        """GET /containers/{id}/checkpoints."""
        found = checkpoints.listing(self._room, self._find(call).container, call.text("dir"))
        return respond([{"Name": name} for name in found])

    async def create(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/checkpoints."""
        live, body = self._find(call), await call.json(bodies.CHECKPOINT, required=True)
        name, folder = body.get("CheckpointID") or "", body.get("CheckpointDir") or ""
        running = not body.get("Exit", False)
        await checkpoints.create(self._room, live, name, folder=folder, leave_running=running)
        return empty(201)

    async def remove(self, call: Call) -> web.StreamResponse:
        """DELETE /containers/{id}/checkpoints/{checkpoint}."""
        live = self._find(call)
        await checkpoints.remove(self._room, live.container, call.path["checkpoint"], call.text("dir"))
        return empty()

    def _find(self, call: Call) -> Live:
        checkpoints.require_experimental(self._room)
        return self._room.registry.find(call.path["id"])
