"""/containers: life and death, list and inspect."""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from engine import jsontext
from engine.api.app import HEADERS, Route, empty, respond, respond_many
from engine.api.call import Call
from engine.api.render import container as render
from engine.containers import changes, kill, listing, pause, prune, remove, rename, restart, start, stats, stop, top
from engine.containers import create as creation
from engine.containers import update as updating
from engine.containers import wait as waiting
from engine.containers.live import Live
from engine.containers.room import Room


class ContainerRoutes:
    """The verbs that answer at once (or in a while), and the streams of numbers."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def table(self) -> Iterable[Route]:
        """The routes."""
        one = "/containers/{id}"
        return (
            Route("GET", "/containers/json", self.list),
            Route("POST", "/containers/create", self.create),
            Route("POST", "/containers/prune", self.prune),
            Route("GET", f"{one}/json", self.inspect),
            Route("POST", f"{one}/start", self.start),
            Route("POST", f"{one}/stop", self.stop),
            Route("POST", f"{one}/restart", self.restart),
            Route("POST", f"{one}/kill", self.kill),
            Route("POST", f"{one}/pause", self.pause),
            Route("POST", f"{one}/unpause", self.unpause),
            Route("POST", f"{one}/wait", self.wait, streams=True),
            Route("POST", f"{one}/rename", self.rename),
            Route("POST", f"{one}/update", self.update),
            Route("GET", f"{one}/top", self.top),
            Route("GET", f"{one}/stats", self.stats, streams=True),
            Route("GET", f"{one}/changes", self.changes),
            Route("DELETE", "/containers/{id:.+}", self.remove),
        )

    def _find(self, call: Call) -> Live:
        return self._room.registry.find(call.path["id"])

    async def create(self, call: Call) -> web.StreamResponse:
        """POST /containers/create."""
        body = await call.json(required=True)
        created = await creation.create(self._room, call.text("name"), body, call.text("platform"), call.version)
        return respond({"Id": created.id, "Warnings": created.warnings}, status=201)

    async def list(self, call: Call) -> web.StreamResponse:
        """GET /containers/json."""
        filters = call.filters(listing.FILTERS)
        chosen = listing.choose(self._room, filters, everything=call.flag("all"), limit=call.number("limit") or -1)
        sizes = await listing.sizes(self._room, chosen) if call.flag("size") else {}

        def show(live: Live) -> dict[str, Any]:
            return render.summary(self._room, live, call.version, sizes.get(live.container.id))

        return await respond_many(await listing.shown(chosen, show))

    async def inspect(self, call: Call) -> web.StreamResponse:
        """GET /containers/{id}/json."""
        live = self._find(call)
        size = (await listing.sizes(self._room, [live])).get(live.container.id) if call.flag("size") else None
        return respond(render.inspect(self._room, live, call.version, size))

    async def start(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/start."""
        name, folder = call.text("checkpoint"), call.text("checkpoint-dir")
        await start.start(self._room, self._find(call), checkpoint=name, checkpoint_dir=folder)
        return empty()

    async def stop(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/stop."""
        await stop.stop(self._room, self._find(call), timeout=call.number("t"), name=call.text("signal"))
        return empty()

    async def restart(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/restart."""
        await restart.restart(self._room, self._find(call), timeout=call.number("t"), name=call.text("signal"))
        return empty()

    async def kill(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/kill."""
        await kill.kill(self._room, self._find(call), call.text("signal"))
        return empty()

    async def pause(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/pause."""
        await pause.pause(self._room, self._find(call))
        return empty()

    async def unpause(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/unpause."""
        await pause.unpause(self._room, self._find(call))
        return empty()

    async def rename(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/rename."""
        await rename.rename(self._room, self._find(call), call.text("name"))
        return empty()

    async def update(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/update."""
        warnings = await updating.update(self._room, self._find(call), await call.json(required=True), call.version)
        return respond({"Warnings": warnings})

    async def remove(self, call: Call) -> web.StreamResponse:
        """DELETE /containers/{id}."""
        if call.flag("link"):
            remove.remove_link(self._room, call.path["id"])
            return empty()
        await remove.remove(self._room, self._find(call), force=call.flag("force"), volumes=call.flag("v"))
        return empty()

    async def prune(self, call: Call) -> web.StreamResponse:
        """POST /containers/prune."""
        dry_run = call.flag("dryrun")
        return respond(await prune.prune(self._room, call.filters(prune.FILTERS), dry_run=dry_run))

    async def top(self, call: Call) -> web.StreamResponse:
        """GET /containers/{id}/top."""
        return respond(await top.top(self._room, self._find(call), call.text("ps_args") or "-ef"))

    async def changes(self, call: Call) -> web.StreamResponse:
        """GET /containers/{id}/changes."""
        return respond(await changes.changes(self._room, self._find(call)) or None)

    async def wait(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/wait: the headers go out at once, the verdict when there is one."""
        live = self._find(call)
        at_once = call.version >= (1, 30)  # before, there were no conditions, and no header until the end
        result = waiting.begin(live, call.text("condition") if at_once else "")
        response = web.StreamResponse(headers=HEADERS | {"Content-Type": "application/json"})
        try:
            if at_once:
                await response.prepare(call.request)
            ended = await result
            if not at_once:
                await response.prepare(call.request)
        finally:
            waiting.give_up(live, result)
        await response.write(jsontext.dumps({"StatusCode": ended.exit_code}) + b"\n")
        await response.write_eof()
        return response

    async def stats(self, call: Call) -> web.StreamResponse:
        """GET /containers/{id}/stats."""
        live, streaming = self._find(call), call.flag("stream", default=True)
        if not streaming and not live.container.state.running:
            return respond(stats.for_version(stats.nothing(live), call.version))
        if not streaming:
            one_shot = call.version >= (1, 41) and call.flag("one-shot")
            frame = await stats.once(self._room, live, primed=not one_shot)
            return respond(stats.for_version(frame, call.version))
        response = web.StreamResponse(headers=HEADERS | {"Content-Type": "application/json"})
        await response.prepare(call.request)
        async for sample in stats.stream(self._room, live):
            await response.write(jsontext.dumps(stats.for_version(sample, call.version)) + b"\n")
            await asyncio.sleep(0)
        await response.write_eof()
        return response
