"""The HTTP edge: finds the route, knows the version, and turns Faults into statuses: the engine's one `except`.

A route's handler is `async def handler(call: Call) -> web.StreamResponse`. Requests that change something run to
their end even if the client goes away; the others are cancelled with their connection.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from engine import __version__, jsontext, log, pacing
from engine.api import browsers
from engine.api.call import Call
from engine.api.errors import status_of
from engine.api.versions import ADVERTISED, negotiate, show
from engine.background import Background
from proto.errdefs import Fault, NotFound

logger = logging.getLogger(__name__)

Handler = Callable[[Call], Coroutine[Any, Any, web.StreamResponse]]

_VERSION = re.compile(r"^/v(\d+(?:\.\d+)?)(/.*)$")
_PLACE = re.compile(r"\{(\w+)(?::([^}]+))?\}")
HEADERS = {
    "Api-Version": show(ADVERTISED),
    "Docker-Experimental": "false",
    "Ostype": "linux",
    "Server": f"Wherry/{__version__} (linux)",
}


def announce_experimental() -> None:
    """Say in every answer that the engine has its experimental features on: clients offer theirs by it."""
    HEADERS["Docker-Experimental"] = "true"


@dataclass(frozen=True, slots=True)
class Route:
    """Method, path with {places} (or {place:regex}), handler. One that `streams` ends with its client.

    Who is `urgent` waits for no work of others.
    """

    method: str
    path: str
    handler: Handler
    streams: bool = False
    urgent: bool = False


class Api:
    """Dispatches requests."""

    def __init__(self, routes: Iterable[Route], background: Background, pace: pacing.Pace | None = None) -> None:
        self._exact: dict[tuple[str, str], Route] = {}
        self._patterns: dict[str, list[tuple[re.Pattern[str], Route]]] = {}
        self._background = background
        self._pace = pace or pacing.Pace()
        for route in routes:
            if "{" not in route.path:
                self._exact[route.method, route.path] = route
            else:
                self._patterns.setdefault(route.method, []).append((_compile(route.path), route))

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, whatever comes of it."""
        log.begin_request()
        logger.debug("calling %s %s", request.method, request.path_qs)
        try:
            if request.transport is not None and browsers.is_plain_tcp(request.transport.get_extra_info("sockname")):
                browsers.refuse(request.headers)
            route, call = self._find(request)
            if route.urgent:
                return await route.handler(call)
            pacing.exempt(False)
            if route.streams or route.method in ("GET", "HEAD"):
                return await self._pace.steps(route.handler(call))  # type: ignore[no-any-return]
            work = self._background.spawn(f"{route.method} {route.path}", self._pace.steps(self._shown(route, call)))
            return await asyncio.shield(work)
        except Fault as fault:
            _require_unanswered(request, fault)
            return failure(fault)
        except ConnectionError:
            raise
        except Exception as error:
            logger.exception("request failed: %s %s", request.method, request.path)
            _require_unanswered(request, error)
            return respond({"message": str(error) or type(error).__name__}, status=500)

    async def _shown(self, route: Route, call: Call) -> web.StreamResponse:
        """Faults are answers, not failures of background work."""
        try:
            return await route.handler(call)
        except Fault as fault:
            return failure(fault)

    def _find(self, request: web.BaseRequest) -> tuple[Route, Call]:
        path = request.path
        match = _VERSION.match(path)
        version = negotiate(match.group(1) if match else None)
        if match:
            path = match.group(2)
        if route := self._exact.get((request.method, path)):
            return route, Call(request, {}, version)
        for pattern, route in self._patterns.get(request.method, ()):
            if found := pattern.match(path):
                return route, Call(request, found.groupdict(), version)
        raise NotFound("page not found")


def _require_unanswered(request: web.BaseRequest, error: Exception) -> None:
    """An answer that breaks off has no second status: its connection ends, so that nobody takes it for whole."""
    if request.writer.output_size == 0:
        return
    logger.error("an answer broke off: %s %s: %s", request.method, request.path, error)
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError from error


def _compile(path: str) -> re.Pattern[str]:
    regex, end = "", 0
    for place in _PLACE.finditer(path):
        regex += re.escape(path[end : place.start()]) + f"(?P<{place.group(1)}>{place.group(2) or '[^/]+'})"
        end = place.end()
    return re.compile(f"^{regex}{re.escape(path[end:])}$")


def failure(fault: Fault) -> web.Response:
    """The answer that a Fault is."""
    status = status_of(fault)
    if status >= 500:
        logger.error("request failed: %s", fault, exc_info=fault)
    if status == 304:
        return web.Response(status=304, headers=HEADERS)
    return respond({"message": str(fault)}, status=status)


def respond(document: Any, *, status: int = 200) -> web.Response:
    """JSON, as dockerd writes it: with a line feed."""
    body = jsontext.dumps(document) + b"\n"
    return web.Response(body=body, status=status, content_type="application/json", headers=HEADERS)


_SLICE = 64  # objects that become text before others have their turn


async def respond_many(documents: Sequence[Any]) -> web.Response:
    """A list that may be long, in slices: whoever asks meanwhile is answered in between."""
    pieces = []
    for first in range(0, len(documents), _SLICE):
        pieces.append(jsontext.dumps(documents[first : first + _SLICE])[1:-1])
        await asyncio.sleep(0)
    body = b"[%b]\n" % b",".join(pieces)
    return web.Response(body=body, content_type="application/json", headers=HEADERS)


def empty(status: int = 204) -> web.Response:
    """No content."""
    return web.Response(status=status, headers=HEADERS)
