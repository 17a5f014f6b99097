"""The page at `/v1/metrics`, over HTTP on the TCP address that the configuration names; without one nothing listens."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable

from supervisor.metrics.exposition import CONTENT_TYPE, Family, render

logger = logging.getLogger(__name__)

PATH = "/v1/metrics"
_PATIENCE = 10.0


class MetricsServer:
    """Serves one page."""

    def __init__(self, address: str, collect: Callable[[], Awaitable[Iterable[Family]]]) -> None:
        self._address = address
        self._collect = collect
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0 when it does not."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server is not None else 0

    async def start(self) -> None:
        """Listen, if there is an address; raises OSError when it is taken."""
        if self._address:
            host, _, port = self._address.rpartition(":")
            self._server = await asyncio.start_server(self._answer, host.strip("[]") or None, int(port))

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client that leaves, or sends no request in time, gets none.
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._response(head))
                await writer.drain()
        writer.close()

    async def _response(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if path != PATH.encode():
            return _http("404 Not Found", "text/plain; charset=utf-8", "404 page not found\n")
        if method not in (b"GET", b"HEAD"):
            return _http("405 Method Not Allowed", "text/plain; charset=utf-8", "method not allowed\n")
        page = _http("200 OK", CONTENT_TYPE, render(await self._collect()))
        return page.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == b"HEAD" else page


def _http(status: str, kind: str, body: str) -> bytes:
    data = body.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    return head.encode() + data
