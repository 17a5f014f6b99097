"""/containers/{id}: attach, logs, resize."""

from collections.abc import Iterable
from urllib.parse import quote_plus

from aiohttp import web

from engine import stdcopy, timestamps
from engine.api import detach, websocket
from engine.api.app import HEADERS, Route, empty
from engine.api.call import Call
from engine.api.hijack import MULTIPLEXED, RAW, hijack
from engine.api.relay import Client, Terms, relay, while_there
from engine.containers import attach, logs, resize
from engine.containers.live import Live
from engine.containers.room import Room
from engine.logs.json_file import Entry, Selection, parse_tail
from proto.errdefs import Fault, InvalidArgument

_WS_STREAMS_SINCE = (1, 42)  # before, a websocket had all three


class ContainerIoRoutes:
    """Streams of bytes."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def table(self) -> Iterable[Route]:
        """The routes."""
        return (
            Route("POST", "/containers/{id}/attach", self.attach, streams=True),
            Route("GET", "/containers/{id}/attach/ws", self.attach_ws, streams=True),
            Route("GET", "/containers/{id}/logs", self.logs, streams=True),
            Route("POST", "/containers/{id}/resize", self.resize),
        )

    async def attach(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/attach."""
        live = self._room.registry.find(call.path["id"])
        keys = detach.parse(call.text("detachKeys"))
        stdin, stdout, stderr = (call.flag(name) for name in ("stdin", "stdout", "stderr"))
        attach.require(live)
        if call.flag("logs"):
            logs.require(live)
        client = hijack(call, tty=live.container.tty)
        try:
            await self._serve(client, live, call, streams=(stdin, stdout, stderr), raw=live.container.tty, keys=keys)
        finally:
            await client.finish()
        return client

    async def attach_ws(self, call: Call) -> web.StreamResponse:
        """GET /containers/{id}/attach/ws."""
        live = self._room.registry.find(call.path["id"])
        keys = detach.parse(call.text("detachKeys"))
        chosen = call.version >= _WS_STREAMS_SINCE
        stdin, stdout, stderr = (not chosen or call.flag(name) for name in ("stdin", "stdout", "stderr"))
        attach.require(live)
        if call.flag("logs"):
            logs.require(live)
        client = await websocket.accept(call)
        try:
            await self._serve(client, live, call, streams=(stdin, stdout, stderr), raw=True, keys=keys)
        finally:
            await client.finish()
        return client.response

    async def _serve(
        self, client: Client, live: Live, call: Call, *, streams: tuple[bool, bool, bool], raw: bool, keys: bytes
    ) -> None:
        """What was said before, if it is asked for; then what is said."""
        _, stdout, stderr = streams
        if call.flag("logs"):
            selection = Selection(stdout=stdout, stderr=stderr)
            async for batch in logs.read(live, self._log_path(live), selection, follow=False):
                pieces = (entry.data if raw else stdcopy.frame(entry.stream, entry.data) for entry in batch)
                await client.write_out(b"".join(pieces))
        if call.flag("stream"):
            await self._stream(client, live, streams=streams, raw=raw, keys=keys)

    def _log_path(self, live: Live) -> str:
        return self._room.paths.container(live.container.id).log

    async def _stream(
        self, client: Client, live: Live, *, streams: tuple[bool, bool, bool], raw: bool, keys: bytes
    ) -> None:
        stdin, stdout, stderr = streams
        self._room.announce(live.container, "attach")  # also by who waits for the start
        try:
            joining = attach.join(live, stdin=stdin, stdout=stdout, stderr=stderr)
            attachment = await (joining if stdin else while_there(client, joining))
        except Fault:
            return  # the start failed, and said so to whoever asked for it
        if attachment is None:
            return
        config = live.container.config
        tty = live.container.tty
        terms = Terms(raw, tty, stdin and config["OpenStdin"], bool(config["StdinOnce"]), keys)
        if await relay(client, attachment, terms):
            self._room.announce(live.container, "detach")

    async def logs(self, call: Call) -> web.StreamResponse:
        """GET /containers/{id}/logs."""
        live = self._room.registry.find(call.path["id"])
        stdout, stderr = call.flag("stdout"), call.flag("stderr")
        if not (stdout or stderr):
            raise InvalidArgument("Bad parameters: you must choose at least one stream")
        logs.require(live)
        selection = Selection(
            since_ns=timestamps.since_ns(call.text("since")),
            until_ns=timestamps.since_ns(call.text("until")),
            tail=parse_tail(call.text("tail")),
            stdout=stdout,
            stderr=stderr,
        )
        tty = live.container.tty
        kind = RAW if tty or call.version < (1, 42) else MULTIPLEXED
        response = web.StreamResponse(headers=HEADERS | {"Content-Type": kind})
        await response.prepare(call.request)
        stamps, details = call.flag("timestamps"), call.flag("details")
        async for batch in logs.read(live, self._log_path(live), selection, follow=call.flag("follow")):
            await response.write(
                b"".join(show(entry, timestamps_too=stamps, details=details, tty=tty) for entry in batch)
            )
        await response.write_eof()
        return response

    async def resize(self, call: Call) -> web.StreamResponse:
        """POST /containers/{id}/resize."""
        height, width = size_of(call)
        await resize.resize(self._room, self._room.registry.find(call.path["id"]), height, width)
        return empty(200)


def size_of(call: Call) -> tuple[int, int]:
    """h and w of the query, both needed."""
    sizes = []
    for name, words in (("h", "height"), ("w", "width")):
        text = call.text(name)
        number = text.removeprefix("-")
        if not (number.isascii() and number.isdecimal()):
            raise InvalidArgument(f'invalid resize {words} "{text}": invalid syntax')
        if number is not text or len(text) > 10 or int(text) >= 1 << 32:
            raise InvalidArgument(f'invalid resize {words} "{text}": value out of range')
        sizes.append(int(text))
    return sizes[0], sizes[1]


def show(entry: Entry, *, timestamps_too: bool, details: bool, tty: bool) -> bytes:
    """An entry as a client reads it."""
    data = entry.data
    if details:
        words = ",".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in sorted(entry.attributes.items()))
        data = words.encode() + b" " + data
    if timestamps_too:
        data = padded(entry.time).encode() + b" " + data
    return data if tty else stdcopy.frame(entry.stream, data)


def padded(time: str) -> str:
    """Clients line the stamps up: always nine digits."""
    base, _, fraction = time.removesuffix("Z").partition(".")
    return f"{base}.{fraction:0<9}Z"
