"""TLS in front of the API, with the half-close that attach needs and asyncio's own transport lacks.

A Go client ends its input by a close_notify and goes on reading: `docker run` over TLS does so at once. asyncio takes
that for the end of both directions. So TLS ends here, and the API's server gets one end of a socket pair per client:

    client ══TLS══ Terminator ──socketpair── aiohttp
      close_notify         →   shutdown(SHUT_WR)
      FIN or RST           →   both ways closed: the client has left
      close_notify, FIN    ←   the engine closed
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

_CHUNK = 64 * 1024
_HANDSHAKE_WITHIN = 20.0
_LINGER = 2.0

Accept = Callable[[socket.socket], Awaitable[object]]


class Terminator:
    """Accepts TLS clients on a socket and hands the plain streams on."""

    def __init__(self, context: ssl.SSLContext, accept: Accept) -> None:
        self._context = context
        self._accept = accept
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._client, sock=listener, backlog=512)

    async def close(self) -> None:
        """Stop listening, and let go of every client."""
        if self._server is not None:
            self._server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        tunnel = _Tunnel(self._context, reader, writer)
        try:
            if await tunnel.shake_hands():
                ours, theirs = socket.socketpair()
                ours.setblocking(False)
                theirs.setblocking(False)
                await self._accept(theirs)
                inner_reader, inner_writer = await asyncio.open_connection(sock=ours, limit=_CHUNK)
                await tunnel.copy(inner_reader, inner_writer)
        except (OSError, ssl.SSLError) as error:
            logger.debug("a TLS client is gone: %s", error)
        finally:
            self._clients.discard(task)
            writer.close()


class _Tunnel:
    """One client's TLS state between its bytes and ours."""

    def __init__(self, context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._reader, self._writer = reader, writer

    async def shake_hands(self) -> bool:
        """False for a client that may not come in: it has been told why."""
        try:
            async with asyncio.timeout(_HANDSHAKE_WITHIN):
                while True:
                    try:
                        self._tls.do_handshake()
                        await self._flush()
                        return True
                    except ssl.SSLWantReadError:
                        await self._flush()
                        await self._receive()
        except TimeoutError:
            return False
        except ssl.SSLError as error:
            logger.info("http: TLS handshake error from %s: %s", self._writer.get_extra_info("peername"), error)
            await self._flush()
            await self._linger()
            return False

    async def copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Both ways, until the engine has closed or the client has left."""
        down = asyncio.ensure_future(self._down(writer))
        up = asyncio.ensure_future(self._up(reader))
        try:
            await asyncio.wait((down, up), return_when=asyncio.FIRST_COMPLETED)
            for task in (down, up):
                if task.done():
                    task.result()
        finally:
            for task in (down, up):
                task.cancel()
            await asyncio.gather(down, up, return_exceptions=True)
            writer.close()

    async def _down(self, writer: asyncio.StreamWriter) -> None:
        """Client → engine; returns when nothing is left of the client."""
        ended = False
        while True:
            try:
                while not ended:
                    data = self._tls.read(_CHUNK)
                    if not data:
                        raise ssl.SSLZeroReturnError
                    writer.write(data)
                    await writer.drain()
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLZeroReturnError:
                ended = True
                writer.write_eof()
            if not await self._receive(keep=not ended):
                return

    async def _up(self, reader: asyncio.StreamReader) -> None:
        """Engine → client."""
        while data := await reader.read(_CHUNK):
            self._tls.write(data)
            await self._flush()
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLSyscallError):
            self._tls.unwrap()
        await self._flush()

    async def _receive(self, *, keep: bool = True) -> bool:
        data = await self._reader.read(_CHUNK)
        if not data:
            self._incoming.write_eof()
            return False
        if keep:
            self._incoming.write(data)
        return True

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            self._writer.write(data)
            await self._writer.drain()

    async def _linger(self) -> None:
        """Read what the client still sends: closing over unread bytes resets the connection, and the alert is lost."""
        with contextlib.suppress(TimeoutError, OSError):
            self._writer.write_eof()
            async with asyncio.timeout(_LINGER):
                while await self._reader.read(_CHUNK):
                    pass
