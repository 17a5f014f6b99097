"""/containers/{id}/exec and /exec."""

from collections.abc import Iterable

from aiohttp import web

from engine import gojson, stdcopy
from engine.api import detach
from engine.api.app import Route, empty, respond
from engine.api.call import Call
from engine.api.hijack import Hijacked, hijack
from engine.api.relay import Terms, relay
from engine.api.routes.container_io import size_of
from engine.containers import fields, resize
from engine.containers.execs import Exec
from engine.containers.fields import SIZE, Field
from engine.containers.room import Room
from engine.gojson import TEXT, TRUTH, Struct
from engine.logs.pump import PumpStdio
from proto.errdefs import Fault, InvalidArgument

_START = {
    "Detach": Field(TRUTH, False),
    "Tty": Field(TRUTH, False),
    "ConsoleSize": Field(SIZE),
}


_KEYS = Struct("ExecOptions", {"DetachKeys": TEXT})


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
        body = await call.json(required=True)
        if call.version < (1, 42):
            body.pop("ConsoleSize", None)
        keys = gojson.read(_KEYS, body).get("DetachKeys") or ""
        try:
            detach.parse(keys)
        except InvalidArgument:
            raise InvalidArgument(f"Invalid escape keys ({keys}) provided") from None
        made = self._room.execs.create(live, body)
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
        body = fields.complete(_START, await call.json(), "ExecStartOptions")
        keys = detach.parse(made.config["DetachKeys"])
        raw = bool(body["Tty"])  # how the client reads is the client's to say, whatever the exec was created with
        sized = raw and call.version >= (1, 42)
        stdio = self._room.execs.open(made, size=body["ConsoleSize"] if sized else None)
        if body["Detach"]:
            await self._room.execs.run(made)
            return empty(200)
        client = hijack(call, tty=raw)
        try:
            terms = Terms(raw, made.tty, bool(made.config["AttachStdin"]), half_close=True, keys=keys)
            await self._attached(made, stdio, client, terms)
        finally:
            await client.finish()
        return client

    async def _attached(self, made: Exec, stdio: PumpStdio, client: Hijacked, terms: Terms) -> None:
        attachment = await stdio.attach(
            stdin=terms.stdin, stdout=bool(made.config["AttachStdout"]), stderr=bool(made.config["AttachStderr"])
        )
        try:
            await self._room.execs.run(made)
        except Fault as fault:
            attachment.close()
            text = f"{fault}\r\n".encode()
            await client.write_out(text if terms.raw else stdcopy.frame(stdcopy.STDOUT, text))
            return
        if await relay(client, attachment, terms):
            self._room.announce(made.live.container, "exec_detach", {"execID": made.id})
            return
        await self._room.execs.settled(made)
