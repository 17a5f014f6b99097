"""GET /events."""

from collections.abc import Iterable

from aiohttp import web

from engine.api.app import Route
from engine.api.call import Call
from engine.api.jsonstream import JsonStream
from engine.events.bus import Bus
from proto.errdefs import InvalidArgument

_WORDS = "config container daemon event image label network node plugin scope secret service type volume"
_KNOWN = frozenset(_WORDS.split())


class EventRoutes:
    """The stream of events."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def table(self) -> Iterable[Route]:
        """The route."""
        return (Route("GET", "/events", self.events, streams=True),)

    async def events(self, call: Call) -> web.StreamResponse:
        """Headers at once, then a line per event."""
        filters = call.filters(_KNOWN)
        since, until = call.text("since"), call.text("until")
        if since and until and not since.startswith("-") and _later(since, until):
            raise InvalidArgument("`since` cannot be after `until`")
        stream = JsonStream(call, *_shape(call))
        await stream.open()
        async for event in self._bus.stream(filters, since, until):
            if call.version >= (1, 46) or (event.kind, event.action) != ("image", "create"):
                await stream.send(event.to_json(old_names=call.version < (1, 52)))
        return await stream.close()


_SEQUENCE = "application/json-seq"
_TYPES = ("application/jsonl", "application/x-ndjson", _SEQUENCE)


def _shape(call: Call) -> tuple[str, bytes]:
    """The content type that the client would rather have, and what each line begins with (RFC 7464)."""
    accepted = [part.partition(";")[0].strip() for part in call.request.headers.get("Accept", "").split(",")]
    found = next((kind for kind in accepted if kind in _TYPES), "")
    kind = found or ("application/json" if call.version < (1, 52) else "application/jsonl")
    return kind, b"\x1e" if kind == _SEQUENCE else b""


def _later(since: str, until: str) -> bool:
    from engine.timestamps import since_ns

    return since_ns(since) > since_ns(until)
