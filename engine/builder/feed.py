"""Bytes from the event loop to a thread that reads them as a file: a bounded queue, without a pipe's copies.

The loop waits when the thread is `_LIMIT` bytes behind; a thread that has ended takes nothing more.
"""

import asyncio
import threading
from collections import deque

_LIMIT = 8 << 20


class Closed(Exception):
    """The other side has ended before its time: it has failed, and says why itself."""


class Feed:
    """One stream; `put`, `end` and `fail` belong to the loop, `read` and `close` to the thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._broken = False
        self._closed = False
        self._room: asyncio.Future[None] | None = None
        self._offset = 0  # of the first piece

    async def put(self, data: bytes) -> None:
        """Hand over; waits where the reader is far behind."""
        if not data:
            return  # to a reader it would be the end
        with self._changed:
            if self._closed:
                raise Closed
            self._pieces.append(data)
            self._size += len(data)
            self._changed.notify()
            if self._size <= _LIMIT:
                return
            room = self._room = self._loop.create_future()
        await room
        if self._closed:
            raise Closed

    def end(self) -> None:
        """Nothing more comes."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def fail(self) -> None:
        """Nothing more comes, and what came is not all: the reader's next call raises Closed."""
        with self._changed:
            self._broken = True
            self._changed.notify()

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes of what is there; b"" at the end. Blocks the thread."""
        with self._changed:
            while not self._pieces and not self._ended and not self._broken:
                self._changed.wait()
            if self._broken:
                raise Closed
            if not self._pieces:
                return b""
            piece, start = self._pieces[0], self._offset
            if size < 0 or len(piece) - start <= size:
                self._pieces.popleft()
                self._offset = 0
                data = piece[start:] if start else piece
            else:
                self._offset = start + size
                data = piece[start : start + size]
            self._size -= len(data)
            if self._room is not None and self._size <= _LIMIT // 2:
                self._loop.call_soon_threadsafe(_wake, self._room)
                self._room = None
            return data

    def close(self) -> None:
        """The reader's end; whoever waits for room is told."""
        with self._changed:
            self._closed = True
            self._pieces.clear()
            if self._room is not None:
                self._loop.call_soon_threadsafe(_wake, self._room)
                self._room = None


def _wake(room: "asyncio.Future[None]") -> None:
    if not room.done():  # a cancelled build waits no more
        room.set_result(None)
