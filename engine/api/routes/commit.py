"""`POST /commit`: an image of what a container has changed, made while it is paused unless it is not to be."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from engine.api.app import Route, respond
from engine.api.call import Call
from engine.api.routes.image_transfer import asked_reference
from engine.containers import fields
from engine.containers.live import Live
from engine.containers.room import Room
from engine.images.commit import Wish
from engine.images.service import Images
from proto.errdefs import Fault

_OF_THE_IMAGE = (
    "Cmd", "Entrypoint", "Env", "ExposedPorts", "Labels", "OnBuild", "Shell", "StopSignal", "User", "Volumes",
    "WorkingDir",
)  # fmt: skip


class CommitRoute:
    """The handler."""

    def __init__(self, images: Images, room: Room) -> None:
        self._images = images
        self._room = room

    async def commit(self, call: Call) -> web.StreamResponse:
        """Answers the new image's id."""
        live = self._room.registry.find(call.text("container"))
        body = fields.complete(fields.CONFIG, await call.json(), "Config")
        wish = Wish(asked_reference(call), call.text("comment"), call.text("author"), tuple(call.texts("changes")))
        base = await self._images.resolve(live.container.image_id)
        config = _config(live.container.config, body)
        command = " ".join([live.container.path, *live.container.args])
        async with self._still(live, pause=call.flag("pause", default=True)):
            work = self._images.committer.commit(live.container.id, base.manifest, config, wish, command.strip())
            image_id = await self._room.metrics.container_actions.waited("commit", work)
        self._room.announce(live.container, "commit", {"comment": wish.comment, "imageID": image_id})
        return respond({"Id": image_id}, status=201)

    @contextlib.asynccontextmanager
    async def _still(self, live: Live, *, pause: bool) -> AsyncIterator[None]:
        """Keep the container's processes from writing for the length of a block."""
        tasks = self._room.supervisor.tasks
        async with live.lock:
            if not pause or live.container.state.status != "running":
                yield
                return
            with contextlib.suppress(Fault):  # it may end at any moment, which keeps it as still
                await tasks.pause(live.container.id)
            try:
                yield
            finally:
                with contextlib.suppress(Fault):
                    await tasks.resume(live.container.id)


def routes(images: Images, room: Room) -> list[Route]:
    """The table."""
    return [Route("POST", "/commit", CommitRoute(images, room).commit)]


def _config(own: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """What of a container's config goes into its image; what the client sent goes before."""
    return {key: asked.get(key) or own.get(key) for key in _OF_THE_IMAGE if asked.get(key) or own.get(key)}
