"""One transfer at the supervisor, with the streams it needs: bytes in, credentials on request, progress out.

    Stream (progress)  ─┐
    Stream (bytes)     ─┼─ Transfer(source, destination) ─▶ done, or a Fault
    Stream (auth)      ─┘

Bytes flow under the receiver's window: it says how many it will take, and nothing is sent beyond that.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from google.protobuf import any_pb2, message

from engine.images.registry_auth import Credentials
from proto import anys
from proto.containerd.types.transfer import progress_pb2, registry_pb2, streaming_pb2
from proto.errdefs import Cancelled, Fault

_CHUNK = 32 << 10  # what containerd itself sends at a time
_STRAGGLERS = 2.0  # seconds


class Stream(Protocol):
    """One stream of the streaming service."""

    async def send(self, value: any_pb2.Any) -> None: ...

    async def done_sending(self) -> None: ...

    def __aiter__(self) -> AsyncIterator[any_pb2.Any]: ...

    def cancel(self) -> None: ...


class Transfers(Protocol):
    """The transfer service."""

    async def open(self, stream_id: str) -> Stream: ...

    async def transfer(
        self, source: message.Message, destination: message.Message, *, progress_stream: str = "", lease: str = ""
    ) -> None: ...


Progress = progress_pb2.Progress
Server = Callable[[Stream], Awaitable[None]]


class Mover:
    """Runs transfers."""

    def __init__(self, transfers: Transfers) -> None:
        self._transfers = transfers

    async def move(
        self,
        source: message.Message,
        destination: message.Message,
        streams: dict[str, Server] | None = None,
        *,
        lease: str = "",
    ) -> AsyncIterator[Progress]:
        """Run one transfer; iterating gives its progress and ends with it, by a Fault if it failed.

        What it brings belongs to the caller's lease, if there is one, until that ends.
        """
        async with contextlib.AsyncExitStack() as stack:
            progress_id = f"progress-{secrets.token_hex(8)}"
            opened = [await self._open(stack, progress_id)]
            servers: list[asyncio.Task[None]] = []
            for stream_id, serve in (streams or {}).items():
                opened.append(await self._open(stack, stream_id))
                servers.append(asyncio.ensure_future(_serve(serve, opened[-1])))
                stack.push_async_callback(_stop, servers[-1])
            transfer = asyncio.ensure_future(
                self._transfers.transfer(source, destination, progress_stream=progress_id, lease=lease)
            )
            stack.push_async_callback(_stop, transfer)
            async for event in _until_done(opened[0], transfer):
                yield event
            await _outcome(transfer, servers)

    async def _open(self, stack: contextlib.AsyncExitStack, stream_id: str) -> Stream:
        stream = await self._transfers.open(stream_id)
        stack.callback(stream.cancel)
        return stream


def send_bytes(chunks: AsyncIterator[bytes]) -> Server:
    """Serve a stream that the supervisor reads an archive from."""

    async def serve(stream: Stream) -> None:
        window = _Window(stream)
        try:
            async for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    room = await window.room()
                    if room == 0:
                        stream.cancel()  # the supervisor has read enough, or has given up: its answer says which
                        return
                    piece = view[: min(room, _CHUNK)]
                    await stream.send(anys.pack(streaming_pb2.Data(data=bytes(piece))))
                    window.spend(len(piece))
                    view = view[len(piece) :]
            await stream.done_sending()
            await window.end()
        finally:
            window.close()

    return serve


def answer_credentials(credentials: Credentials) -> Server:
    """Serve a stream on which the supervisor asks who we are."""
    answer = registry_pb2.AuthResponse(
        authType=registry_pb2.CREDENTIALS, username=credentials.username, secret=credentials.password
    )
    if credentials.identity_token:
        answer = registry_pb2.AuthResponse(authType=registry_pb2.REFRESH, secret=credentials.identity_token)
    if credentials.registry_token:
        header = f"Bearer {credentials.registry_token}"
        answer = registry_pb2.AuthResponse(authType=registry_pb2.HEADER, secret=header)

    async def serve(stream: Stream) -> None:
        async for _ in stream:
            await stream.send(anys.pack(answer))

    return serve


class _Window:
    """How much the receiver will take, kept by a reader of its updates."""

    def __init__(self, stream: Stream) -> None:
        self._room = 0
        self._ended = False
        self._changed = asyncio.Event()
        self._reader = asyncio.ensure_future(self._read(stream))

    async def room(self) -> int:
        """The bytes that may be sent; waits for some, and is 0 only when no more will ever be taken."""
        while self._room <= 0 and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        return max(self._room, 0)

    def spend(self, count: int) -> None:
        self._room -= count

    async def end(self) -> None:
        """Wait for the receiver to close: ending the reading before that would cancel the whole stream."""
        await asyncio.wait([self._reader])

    def close(self) -> None:
        self._reader.cancel()

    async def _read(self, stream: Stream) -> None:
        try:
            async for value in stream:
                update = streaming_pb2.WindowUpdate()
                if anys.type_name(value) == update.DESCRIPTOR.full_name:
                    update.ParseFromString(value.value)
                    self._room += update.update
                    self._changed.set()
        except Fault:
            pass  # the transfer's own answer says why the stream broke
        finally:
            self._ended = True
            self._changed.set()


async def _until_done(stream: Stream, transfer: asyncio.Future[None]) -> AsyncIterator[Progress]:
    """The transfer's progress, to its end: the last events may come after the transfer's own answer."""
    events: asyncio.Queue[Progress | None] = asyncio.Queue()

    async def read() -> None:
        try:
            async for value in stream:
                event = Progress()
                event.ParseFromString(value.value)
                events.put_nowait(event)
        except Fault:
            pass  # the transfer's own answer says why
        finally:
            events.put_nowait(None)

    reader = asyncio.ensure_future(read())
    end = asyncio.ensure_future(_end_after(transfer, reader, events))
    try:
        while (event := await events.get()) is not None:
            yield event
        await asyncio.wait([transfer])
    finally:
        await _stop(end)
        await _stop(reader)


async def _end_after(
    transfer: asyncio.Future[None], reader: asyncio.Future[None], events: asyncio.Queue[Progress | None]
) -> None:
    """End the events even where the supervisor, having answered, leaves their stream open."""
    await asyncio.wait([transfer])
    await asyncio.wait([reader], timeout=_STRAGGLERS)
    events.put_nowait(None)


async def _outcome(transfer: asyncio.Future[None], servers: list[asyncio.Task[None]]) -> None:
    """Raise what went wrong: our own side's error explains the supervisor's."""
    for server in servers:
        if server.done() and not server.cancelled() and (error := server.exception()) is not None:
            raise error
    await transfer


async def _serve(serve: Server, stream: Stream) -> None:
    """Serve a stream; that the supervisor closes it is the transfer's business, an error of our own ends it."""
    try:
        with contextlib.suppress(Fault, asyncio.InvalidStateError):
            await serve(stream)
    except BaseException:
        stream.cancel()
        raise


async def _stop(task: asyncio.Future[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Fault, Cancelled):
        await task
