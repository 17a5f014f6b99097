"""`POST /build`: the classic builder's stream; and what is kept of earlier builds."""

import contextlib

from aiohttp import web

from engine.api.app import Route, empty, respond
from engine.api.call import Call
from engine.api.jsonstream import JsonStream
from engine.builder import request
from engine.builder.pruning import FILTERS, Limits, Prune
from engine.builder.service import Builder, failure_line
from engine.buildkit.endpoints import BuildKit
from proto.errdefs import Fault, InvalidArgument

_UPLOAD = "upload-request:"


class BuildRoutes:
    """The handlers."""

    def __init__(self, builder: Builder, buildkit: BuildKit) -> None:
        self._builder = builder
        self._buildkit = buildkit

    async def build(self, call: Call) -> web.StreamResponse:
        """A failure before the first line is the answer's status, a later one a line of its own."""
        asked = request.read(call.text, call.texts, call.request.headers)
        stream, body = JsonStream(call), call.request.content.iter_any()
        if asked.buildkit:
            if call.text("buildid").startswith(_UPLOAD):
                await self._buildkit.upload(call.text("buildid").removeprefix(_UPLOAD), body)
                return empty(200)
            extra = (call.text("buildid"), call.text("outputs"))
            lines = self._buildkit.lines(asked, *extra, body)
            await stream.open()  # the client's session begins when it has seen the answer's head
        else:
            lines = self._builder.build(asked, body)
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
        """A build that was asked for with an id: BuildKit's way."""
        if not call.text("id"):
            raise InvalidArgument("build ID not provided")
        self._buildkit.cancel(call.text("id"))
        return empty(200)


def routes(builder: Builder, buildkit: BuildKit) -> list[Route]:
    """The table."""
    handlers = BuildRoutes(builder, buildkit)
    return [
        Route("POST", "/build", handlers.build, streams=True),
        Route("POST", "/build/prune", handlers.prune),
        Route("POST", "/build/cancel", handlers.cancel),
    ]
