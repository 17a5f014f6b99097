"""One gRPC call on a session's connection: messages both ways, a window that bounds what nobody has read, its end."""

import asyncio
import struct
from collections import deque
from typing import Protocol
from urllib.parse import unquote

from engine.buildkit import hpack
from proto.errdefs import Cancelled, Fault, ResourceExhausted, Unavailable, fault_from_code

DATA, WINDOW, END_STREAM = 0, 8, 1
STREAM_WINDOW = 8 << 20
_LARGEST_MESSAGE = 16 << 20


class Broken(Exception):
    """The peer does not speak HTTP/2."""


class Wire(Protocol):
    """The connection, as a call uses it."""

    window: int
    peer_window: int
    peer_frame: int
    paused: bool

    def frame(self, kind: int, flags: int, number: int, payload: bytes) -> None: ...

    def cancel(self, number: int) -> None: ...

    def forget(self, number: int) -> None: ...


class Call:
    """One gRPC call. Messages are bytes: who calls knows what they are."""

    def __init__(self, connection: Wire, number: int) -> None:
        self._connection = connection
        self._number = number
        self._messages: deque[bytes] = deque()
        self._parts: list[bytes] = []  # of the message that is coming
        self._have = 0
        self._need = 5
        self._unread = 0  # bytes that the peer has sent and the application has not taken
        self._owed = 0  # bytes that it has taken, and the peer has not been told of
        self._changed = asyncio.Event()
        self._window_changed = asyncio.Event()
        self.window = connection.peer_window
        self.failure: Fault | None = None
        self.ended = False
        self._half_closed = False
        self._sending = asyncio.Lock()  # a message's frames stay together

    async def send(self, *messages: bytes) -> None:
        """Messages, many small ones in few frames; waits while the peer does not read."""
        data = memoryview(b"".join([part for each in messages for part in (struct.pack(">BI", 0, len(each)), each)]))
        async with self._sending:
            await self._send(data)

    async def _send(self, data: memoryview) -> None:
        while data:
            room = await self._room()
            size = min(len(data), room, self._connection.peer_frame)
            self.window -= size
            self._connection.window -= size
            self._connection.frame(DATA, 0, self._number, bytes(data[:size]))
            data = data[size:]

    async def _room(self) -> int:
        while True:
            self._check()
            room = min(self.window, self._connection.window)
            if room > 0 and not self._connection.paused:
                return room
            self._window_changed.clear()
            await self._window_changed.wait()

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self.ended or self._half_closed:
            raise Unavailable("the client has ended the call already")

    def end(self) -> None:
        """Nothing more is sent."""
        if not self._half_closed and not self.ended and self.failure is None:
            self._half_closed = True
            self._connection.frame(DATA, END_STREAM, self._number, b"")

    async def receive(self) -> list[bytes]:
        """All messages that have come, one at least; none once the call has ended well. Raises how it ended if not."""
        while not self._messages:
            if self.failure is not None:
                raise self.failure
            if self.ended:
                return []
            self._changed.clear()
            await self._changed.wait()
        found = list(self._messages)
        self._messages.clear()
        self._taken(sum(map(len, found)) + 5 * len(found))
        return found

    def _taken(self, size: int) -> None:
        self._unread -= size
        self._owed += size
        if self._owed >= STREAM_WINDOW // 4 and not self.ended:
            self._connection.frame(WINDOW, 0, self._number, struct.pack(">I", self._owed))
            self._owed = 0

    def take(self, payload: bytes) -> None:
        """What a DATA frame holds."""
        self._unread += len(payload)
        if self._unread > STREAM_WINDOW:
            raise Broken("more data than the window allows")
        self._parts.append(payload)
        self._have += len(payload)
        if self._have < self._need:
            self._make_room()
            return
        data = payload if len(self._parts) == 1 else b"".join(self._parts)
        at, end = 0, len(data)
        self._need = 5
        while end - at >= 5:
            size = int.from_bytes(data[at + 1 : at + 5], "big")
            if size > _LARGEST_MESSAGE or data[at]:
                kind = "is compressed" if data[at] else f"has {size} bytes, {_LARGEST_MESSAGE} at most are taken"
                self._connection.cancel(self._number)
                self.fail(ResourceExhausted(f"a message of the client's {kind}"))
                return
            if end - at < 5 + size:
                self._need = 5 + size
                break
            self._messages.append(data[at + 5 : at + 5 + size])
            at += 5 + size
        self._parts, self._have = ([data[at:]], end - at) if at < end else ([], 0)
        if self._messages:
            self._changed.set()

    def _make_room(self) -> None:
        """A message that is larger than the window is taken as it comes, or it could never come whole."""
        if self._need > STREAM_WINDOW // 2 and not self._messages:
            self._taken(self._unread)

    def finish(self, headers: hpack.Headers) -> None:
        """Trailers: how it ended."""
        found = dict(headers)
        status = found.get("grpc-status", "2")
        if status != "0":
            code = int(status) if status.isascii() and status.isdigit() and len(status) < 3 else 2
            message = unquote(found.get("grpc-message", ""), errors="replace")
            self.fail(fault_from_code(code, message or f"the client's call ended with code {code}"))
            return
        self.ended = True
        self.wake()

    def fail(self, fault: Fault) -> None:
        """It ends here; what has come whole can still be taken."""
        if self.failure is None and not self.ended:
            self.failure = fault
        self.wake()

    def wake(self) -> None:
        """Something has changed."""
        self._changed.set()
        self._window_changed.set()

    def close(self) -> None:
        """Forget it; the peer is told where it has not ended."""
        if not self.ended and self.failure is None:
            self._connection.cancel(self._number)
            self.fail(Cancelled("the call was given up"))
        self._connection.forget(self._number)
