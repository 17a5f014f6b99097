"""/build/channel: what `wherry build` has beside its request; see `engine/builder/channel.py`.

POST /build/channel?channel=TOKEN                      taken over; the channel lives as long as this connection
POST /build/channel/secrets?channel=TOKEN              {"id": "base64…"}
POST /build/channel/context?channel=TOKEN&name=NAME    a tar
POST /build/channel/tree?channel=TOKEN&key=KEY         the list of a context's files; answers which ones are lacking
POST /build/channel/agent?channel=TOKEN&id=ID          taken over; waits until a step wants the agent
GET  /build/channel/result?channel=TOKEN               waits for the build, then a tar of what it made
"""

import base64
import binascii
import json
from collections.abc import Callable

from aiohttp import web

from engine.api.app import HEADERS, Route, empty, respond
from engine.api.call import Call
from engine.api.hijack import hijack
from engine.builder import context
from engine.builder.channel import Channels
from engine.containers import archive
from proto.errdefs import InvalidArgument

_LIST_LIMIT = 256 << 20  # a million files


class BuildChannelRoutes:
    """The handlers; `temporary` is where contexts are unpacked."""

    def __init__(self, channels: Channels, temporary: Callable[[], str]) -> None:
        self._channels = channels
        self._temporary = temporary

    async def open(self, call: Call) -> web.StreamResponse:
        """The connection that the channel lives by."""
        async with self._channels.opened(call.text("channel")):
            connection = hijack(call, tty=True)
            try:
                while await connection.reader.read(1024):
                    pass
            except ConnectionError:
                pass  # an end like any other
            await connection.finish()
        return connection

    async def secrets(self, call: Call) -> web.StreamResponse:
        """Values for `RUN --mount=type=secret`; a failure repeats nothing of them."""
        channel = self._channels.get(call.text("channel"))
        document = await call.json(required=True)
        try:
            found = {name: base64.b64decode(value, validate=True) for name, value in document.items()}
        except (binascii.Error, TypeError, ValueError):
            raise InvalidArgument("a secret is not in base64") from None
        channel.keep_secrets(found)
        return empty()

    async def context(self, call: Call) -> web.StreamResponse:
        """A folder that `FROM`, `COPY --from` and mounts find by its name."""
        channel, name = self._channels.get(call.text("channel")), call.text("name").lower()
        if not name or name in channel.contexts:
            raise InvalidArgument(f"a build context needs a name that no other has, not {name!r}")
        coming = context.received(call.request.content.iter_any(), self._temporary())
        channel.contexts[name] = await channel.stack.enter_async_context(coming)
        return empty()

    async def tree(self, call: Call) -> web.StreamResponse:
        """The build's own context as a list, so that only what is new of it need be sent."""
        channel, key = self._channels.get(call.text("channel")), call.text("key")
        if not key:
            raise InvalidArgument("a context that is to be kept needs a key")
        try:
            rows = json.loads(await call.body(_LIST_LIMIT))
        except (ValueError, RecursionError) as error:
            raise InvalidArgument(f"invalid JSON: {error}") from None
        if not isinstance(rows, list):
            raise InvalidArgument("the list of a context's files is an array")
        return respond({"lacking": await channel.compare(self._channels.kept, key, rows)})

    async def agent(self, call: Call) -> web.StreamResponse:
        """One more connection to the client's agent."""
        channel = self._channels.get(call.text("channel"))
        connection = hijack(call, tty=True)
        waiting = channel.offer(call.text("id") or "default", connection)
        try:
            await waiting.ended.wait()
        finally:
            await connection.finish()
        return connection

    async def result(self, call: Call) -> web.StreamResponse:
        """The files of the image that was built."""
        channel = self._channels.get(call.text("channel"))
        async with channel.taken() as root:
            response = web.StreamResponse(headers=HEADERS | {"Content-Type": "application/x-tar"})
            await response.prepare(call.request)
            async for chunk in archive.tar(archive.Tree(root), "/", ""):
                await response.write(chunk)
            await response.write_eof()
        return response


def routes(channels: Channels, temporary: Callable[[], str]) -> list[Route]:
    """The table."""
    handlers = BuildChannelRoutes(channels, temporary)
    return [
        Route("POST", "/build/channel", handlers.open, streams=True),
        Route("POST", "/build/channel/secrets", handlers.secrets),
        Route("POST", "/build/channel/context", handlers.context, streams=True),
        Route("POST", "/build/channel/tree", handlers.tree),
        Route("POST", "/build/channel/agent", handlers.agent, streams=True),
        Route("GET", "/build/channel/result", handlers.result),
    ]
