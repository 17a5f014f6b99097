"""A websocket as a client of a container's streams: what it sends is input, what the process says are its messages.

As with dockerd, both streams come unframed, in binary messages from API 1.28 on and in text ones before.
"""

import asyncio
import codecs

from aiohttp import WSCloseCode, WSMsgType, web

from engine.api.call import Call
from proto.errdefs import InvalidArgument

_BINARY_SINCE = (1, 28)


class WebSocketClient:
    """What `relay` copies from and to."""

    def __init__(self, socket: web.WebSocketResponse, *, binary: bool) -> None:
        self.response = socket
        self._ended = asyncio.Event()
        self._text = None if binary else codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def reader(self) -> "WebSocketClient":
        """Its input; there is no other object to read from."""
        return self

    async def read(self, _limit: int = -1) -> bytes:
        """The next message, b"" once there is none."""
        while True:
            message = await self.response.receive()
            match message.type:
                case WSMsgType.BINARY if message.data:
                    return bytes(message.data)
                case WSMsgType.TEXT if message.data:
                    return str(message.data).encode()
                case WSMsgType.BINARY | WSMsgType.TEXT:
                    continue
                case _:
                    self._ended.set()
                    return b""

    async def write_out(self, data: bytes) -> bool:
        """Send; False when the client has gone."""
        if self.response.closed:
            return False
        try:
            if self._text is None:
                await self.response.send_bytes(data)
            elif text := self._text.decode(data):  # a character may come in two pieces
                await self.response.send_str(text)
        except ConnectionError:
            return False
        return True

    async def gone(self, *, unread: bool) -> None:
        """Return once the client has said goodbye; its messages are thrown away where nobody else reads them."""
        while unread and await self.read():
            pass
        await self._ended.wait()

    async def finish(self) -> None:
        """Say goodbye."""
        await self.response.close(code=WSCloseCode.OK, drain=False)


async def accept(call: Call) -> WebSocketClient:
    """Shake hands."""
    socket = web.WebSocketResponse(autoping=True, max_msg_size=0, compress=False, timeout=1)
    if not socket.can_prepare(call.request):
        raise InvalidArgument("not websocket protocol")
    await socket.prepare(call.request)
    return WebSocketClient(socket, binary=call.version >= _BINARY_SINCE)
