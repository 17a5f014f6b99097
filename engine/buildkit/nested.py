"""`Control.Session`: a session whose bytes go in the messages of a call, instead of on a connection of its own."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable

from engine.buildkit.caller import Caller
from engine.buildkit.sessions import Sessions
from proto.buildkit.services.control_pb2 import BytesMessage

_PIECE = 64 << 10
_ID, _SHARED_KEY = "x-docker-expose-session-uuid", "x-docker-expose-session-sharedkey"
_METHOD = "x-docker-expose-session-grpc-method"


async def join(
    sessions: Sessions, metadata: Iterable[tuple[str, str | bytes]], coming: AsyncIterator[BytesMessage]
) -> AsyncIterator[BytesMessage]:
    """The engine's side of it, until the session ends: by the client, or by the call."""
    pairs = [(name, str(value)) for name, value in metadata]
    about = dict(pairs)
    caller = Caller(about.get(_ID, ""), about.get(_SHARED_KEY, ""), [value for name, value in pairs if name == _METHOD])
    async with sessions.opened(caller):
        inner, outer = socket.socketpair()
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(asyncio.Protocol, inner)
        caller.take(transport)
        reader, writer = await asyncio.open_connection(sock=outer)
        copying = asyncio.create_task(_copy(coming, writer))
        try:
            while piece := await reader.read(_PIECE):
                yield BytesMessage(data=piece)
        except ConnectionError:
            pass  # an end like any other
        finally:
            copying.cancel()
            caller.close()
            writer.close()
            await asyncio.gather(copying, return_exceptions=True)
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _copy(coming: AsyncIterator[BytesMessage], writer: asyncio.StreamWriter) -> None:
    """What the client says; its end ends the session."""
    try:
        async for message in coming:
            writer.write(message.data)
            await writer.drain()
    finally:
        writer.close()
