"""`POST /build`: the classic builder's stream; and what is kept of earlier builds."""

import contextlib

from aiohttp import web

from engine.api.app import Route, respond
from engine.api.call import Call
from engine.api.jsonstream import JsonStream
from engine.builder import request
from engine.builder.pruning import FILTERS, Limits, Prune
from engine.builder.service import Builder, failure_line
from proto.errdefs import Fault, InvalidArgument, Unimplemented


class BuildRoutes:
    """The handlers."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder

    async def build(self, call: Call) -> web.StreamResponse:
        """A failure before the first line is the answer's status, a later one a line of its own."""
        asked = request.read(call.text, call.texts, call.request.headers)
        stream = JsonStream(call)
        lines = self._builder.build(asked, call.request.content.iter_any())
        try:
            async with contextlib.aclosing(lines):
                async for line in lines:
                    await stream.send(line)
        except Fault as fault:
            if stream.response is None:
                raise
            await stream.send(failure_line(fault))
        return await stream.close()

    async def prune(self, call: Call) -> web.StreamResponse:
        """`POST /build/prune`: cached steps; with `all`, cache mounts too."""
        limits = Limits(
            reserved=call.number("reserved-space") or call.number("keep-storage") or 0,
            most=call.number("max-used-space") or 0,
            free=call.number("min-free-space") or 0,
        )
        if min(limits.reserved, limits.most, limits.free) < 0:
            raise InvalidArgument("reserved-space, max-used-space and min-free-space are not negative")
        asked = Prune(everything=call.flag("all"), limits=limits, filters=call.filters(FILTERS))
        return respond(await self._builder.prune(asked))

    async def cancel(self, call: Call) -> web.StreamResponse:
        """Builds have ids with BuildKit only."""
        raise Unimplemented("cancelling a build by its id is not supported: close the build's own connection")


def routes(builder: Builder) -> list[Route]:
    """The table."""
    handlers = BuildRoutes(builder)
    return [
        Route("POST", "/build", handlers.build, streams=True),
        Route("POST", "/build/prune", handlers.prune),
        Route("POST", "/build/cancel", handlers.cancel),
    ]
