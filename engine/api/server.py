"""aiohttp's server with Go's manners: how long a request's head may take to come, and how long it may be.

A client that has connected has five minutes until the head of its first request is there, however slowly it sends, and
as long again from the first byte of each later one. Whoever takes longer is hung up on. Bodies take the time they take.
"""

import asyncio
import logging
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from engine import pacing

logger = logging.getLogger(__name__)

HEAD_WITHIN = 300.0  # seconds; dockerd's ReadHeaderTimeout
_HEAD_LIMIT = 1 << 20  # bytes of a line: Go's limit; credentials of many registries are one line
_IDLE = 3600  # seconds; clients keep connections for later, and a request may be on its way when they are closed


class Server(web.Server):
    """Makes a `_Connection` for each client."""

    def __init__(self, handler: Any, *, head_within: float = HEAD_WITHIN) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=_IDLE,
            max_line_size=_HEAD_LIMIT,
            max_field_size=_HEAD_LIMIT,
        )
        self.head_within = head_within

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **self._kwargs)


class _Connection(RequestHandler):
    """One client."""

    __slots__ = ("_deadline", "_head_within")

    def __init__(self, manager: Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._head_within = manager.head_within
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        pacing.exempt()  # its own task reads heads and answers what is urgent; what is work takes turns
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """A head that is complete has been counted; until then its first byte sets the clock."""
        known = self._request_count
        super().data_received(data)
        if self._request_count != known:
            self._head_is_there()
        elif self._deadline is None and self._waiter is not None and not self._waiter.done():
            self._expect_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._head_is_there()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._deadline = asyncio.get_running_loop().call_later(self._head_within, self._hang_up)

    def _head_is_there(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _hang_up(self) -> None:
        logger.debug("a client did not finish its request's head within %s s", self._head_within)
        self.force_close()
