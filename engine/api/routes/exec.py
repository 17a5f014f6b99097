"""/containers/{id}/exec and /exec."""

from collections.abc import Iterable

from aiohttp import web

from engine import stdcopy
from engine.api import detach
from engine.api.app import Route, empty, respond
from engine.api.call import Call
from engine.api.hijack import Hijacked, hijack
from engine.api.relay import Terms, relay
from engine.api.routes.container_io import size_of
from engine.containers import resize
from engine.containers.execs import Exec
from engine.containers.room import Room
from engine.logs.pump import PumpStdio
from proto.errdefs import Fault


class ExecRoutes:
    """Execs."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def table(self) -> Iterable[Route]:
        """The routes."""
        return (
            Route("POST", "/containers/{id}/exec", self.create),
            Route("POST", "/exec/{id}/start", self.start, streams=True),
            Route("POST", "/exec/{id}/resize", self.resize),
            Route("GET", "/exec/{id}/json", self.inspect),
        )

    async def create(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/exec."""
        live = self._room.registry.find(call.path["id"])
        made = self._room.execs.create(live, await call.json(required=True))
        return respond({"Id": made.id}, status=201)

    async def inspect(self, call: Call) -> web.StreamResponse:
        """GET /exec/{id}/json."""
        return respond(self._room.execs.get(call.path["id"]).to_inspect())

    async def resize(self, call: Call) -> web.StreamResponse:
        """POST /exec/{id}/resize."""
        height, width = size_of(call)
        await resize.resize_exec(self._room, self._room.execs.get(call.path["id"]), height, width)
        return empty(200)

    async def start(self, call: Call) -> web.StreamResponse:
        """POST /exec/{id}/start."""
        made = self._room.execs.get(call.path["id"])
        body = await call.json()
        keys = detach.parse(made.config["DetachKeys"])
        stdio = self._room.execs.open(made, size=body.get("ConsoleSize"))
        if body.get("Detach"):
            await self._room.execs.run(made)
            return empty(200)
        client = hijack(call, tty=made.tty)
        try:
            await self._attached(made, stdio, client, keys)
        finally:
            await client.finish()
        return client

    async def _attached(self, made: Exec, stdio: PumpStdio, client: Hijacked, keys: bytes) -> None:
        stdin = bool(made.config["AttachStdin"])
        attachment = await stdio.attach(
            stdin=stdin, stdout=bool(made.config["AttachStdout"]), stderr=bool(made.config["AttachStderr"])
        )
        try:
            await self._room.execs.run(made)
        except Fault as fault:
            attachment.close()
            text = f"{fault}\r\n".encode()
            await client.write_out(text if made.tty else stdcopy.frame(stdcopy.STDOUT, text))
            return
        if await relay(client, attachment, Terms(made.tty, stdin, half_close=True, keys=keys)):
            self._room.announce(made.live.container, "exec_detach", {"execID": made.id})
            return
        await self._room.execs.settled(made)
