"""Streams beside a transfer: a client opens one under a name, a transfer finds it by that name and talks over it.

Bytes go with a window: a sender may only send what the receiver has room for, in pieces of 32 KiB at most, and the
receiver tells of new room by WindowUpdate. A stream belongs to a namespace; its end is the end of the file.
"""

import asyncio
import queue
from collections.abc import AsyncIterator, Iterator

from google.protobuf import any_pb2

from proto import anys
from proto.containerd.types.transfer import streaming_pb2
from proto.errdefs import AlreadyExists, Cancelled, Fault, NotFound

_PIECE = 32 * 1024
_WINDOW = 1 << 20
_QUEUED = 16


class Stream:
    """One open stream: messages both ways."""

    def __init__(self, incoming: AsyncIterator[any_pb2.Any]) -> None:
        self._incoming = incoming
        self._outgoing: asyncio.Queue[any_pb2.Any | None] = asyncio.Queue(_QUEUED)
        self._closed = asyncio.Event()
        self._ending = False

    async def send(self, message: any_pb2.Any) -> None:
        """Queue a message; Cancelled when the stream has ended, whichever side ended it."""
        if self._closed.is_set():
            raise Cancelled("stream is closed: canceled")
        if not self._outgoing.full():
            self._outgoing.put_nowait(message)
            return
        put = asyncio.ensure_future(self._outgoing.put(message))
        closed = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait((put, closed), return_when=asyncio.FIRST_COMPLETED)
            if not put.done():
                raise Cancelled("stream is closed: canceled")
        finally:
            put.cancel()
            closed.cancel()

    async def receive(self) -> any_pb2.Any | None:
        """The next message; None when the other side has said that there are no more, or is gone."""
        try:
            return await anext(self._incoming, None)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed.is_set() and task is not None and not task.cancelling():
                return None  # the client's call was cancelled, not ours
            raise

    async def outgoing(self) -> AsyncIterator[any_pb2.Any]:
        """What the service is to send, until the stream is closed."""
        while (message := await self._outgoing.get()) is not None:
            yield message

    def abandon(self) -> None:
        """The client is gone: whoever sends learns it."""
        self._closed.set()

    async def close(self) -> None:
        """Send what is queued, then end the stream; a second call does nothing."""
        if not self._ending:
            self._ending = True
            await self._outgoing.put(None)


class Streams:
    """The open streams of all namespaces."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], Stream] = {}

    def register(self, namespace: str, name: str, stream: Stream) -> None:
        """Make a stream findable."""
        if (namespace, name) in self._streams:
            raise AlreadyExists("already exists")
        self._streams[namespace, name] = stream

    def get(self, namespace: str, name: str) -> Stream:
        """The stream of this name."""
        try:
            return self._streams[namespace, name]
        except KeyError:
            raise NotFound("not found") from None

    def unregister(self, namespace: str, name: str) -> None:
        """Forget a stream that has ended."""
        self._streams.pop((namespace, name), None)


async def receive_bytes(stream: Stream) -> AsyncIterator[bytes]:
    """The bytes that the client sends, until it ends the stream."""
    room = 0
    while True:
        if room <= _WINDOW // 2:
            try:
                await stream.send(anys.pack(streaming_pb2.WindowUpdate(update=_WINDOW)))
                room += _WINDOW
            except Cancelled:
                pass  # a stream may be complete before we ask for more
        message = await stream.receive()
        if message is None:
            return
        value = anys.unpack(message)
        if isinstance(value, streaming_pb2.Data):
            room -= len(value.data)
            yield value.data


class ByteSender:
    """Sends bytes as fast as the client makes room for them."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._room = 0

    async def write(self, data: bytes) -> None:
        """Send all of it."""
        view = memoryview(data)
        while view:
            while self._room <= 0:
                await self._wait_for_room()
            piece = view[: min(_PIECE, self._room)]
            await self._stream.send(anys.pack(streaming_pb2.Data(data=bytes(piece))))
            self._room -= len(piece)
            view = view[len(piece) :]

    async def _wait_for_room(self) -> None:
        message = await self._stream.receive()
        if message is None:
            raise Cancelled("stream was closed before all was sent: canceled")
        value = anys.unpack(message)
        if isinstance(value, streaming_pb2.WindowUpdate):
            self._room += value.update

    async def close(self) -> None:
        """End the stream."""
        await self._stream.close()


class Bridge:
    """Chunks from the event loop into a thread that reads them as a plain iterator, a few ahead."""

    def __init__(self, depth: int = 8) -> None:
        self._loop = asyncio.get_running_loop()
        self._free = asyncio.Semaphore(depth)
        self._queue: queue.SimpleQueue[bytes | BaseException | None] = queue.SimpleQueue()
        self._stopped = False

    async def pump(self, chunks: AsyncIterator[bytes]) -> None:
        """Feed all chunks; an exception on the way comes out in the thread."""
        last: BaseException | None = None
        try:
            async for chunk in chunks:
                await self._free.acquire()
                if self._stopped:
                    return
                self._queue.put(chunk)
        except Fault as fault:
            last = fault
        except asyncio.CancelledError:
            last = Cancelled("transfer was canceled: canceled")
            raise
        except Exception as error:  # carried to the reading thread, which fails with it
            last = error
        finally:
            self._queue.put(last)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            item = self._queue.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            self._loop.call_soon_threadsafe(self._free.release)
            yield item

    def stop(self) -> None:
        """The reader wants no more: let the pump run out."""
        self._stopped = True
        self._free.release()
