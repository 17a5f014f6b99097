"""The servers that a container's name server asks in turn, by datagram or by stream as it was asked itself.

Messages are passed as they are, both ways. A server that is silent, fails or refuses is followed by the next.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from engine.networks import dns_message as dns

_LARGEST = 65535
_PATIENCE = 4.0  # seconds for one server, less than the 5 that a client's resolver waits
_MOST = 3  # servers, as in a resolv.conf
_PORT = 53


class Upstream:
    """Some servers."""

    def __init__(self, servers: Sequence[str], *, port: int = _PORT, patience: float = _PATIENCE) -> None:
        self._servers = servers[:_MOST]
        self._port = port
        self._patience = patience

    async def by_datagram(self, message: bytes) -> bytes:
        """The first answer that helps; raises OSError where nobody answered."""
        return await self._ask(message, self._datagram)

    async def by_stream(self, message: bytes) -> bytes:
        return await self._ask(message, self._stream)

    async def _ask(self, message: bytes, way: Callable[[str, bytes], Awaitable[bytes]]) -> bytes:
        refusal = b""
        failure: OSError = OSError("no server to ask")
        for server in self._servers:
            try:
                async with asyncio.timeout(self._patience):
                    answered = await way(server, message)
            except (OSError, asyncio.IncompleteReadError) as error:
                failure = error if isinstance(error, OSError) else OSError("the server hung up")
                continue
            if not dns.is_refusal(answered):
                return answered
            refusal = answered
        if refusal:
            return refusal
        raise failure

    async def _datagram(self, server: str, message: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as asking:
            await loop.sock_connect(asking, (server, self._port))
            await loop.sock_sendall(asking, message)
            while True:
                answered = await loop.sock_recv(asking, _LARGEST)
                if dns.is_answer(answered, message):
                    return answered

    async def _stream(self, server: str, message: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(server, self._port)
        try:
            writer.write(len(message).to_bytes(2, "big") + message)
            answered = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        finally:
            writer.close()
        if not dns.is_answer(answered, message):
            raise OSError("the server answers something else")
        return answered
