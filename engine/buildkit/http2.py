"""HTTP/2 as a client of gRPC calls needs it, on a connection that was taken over from somebody else's HTTP/1.1.

gRPC's own client takes no open connection, and costs a tenth of a millisecond for each message, of which a large
context has a hundred thousand. Here a connection is an asyncio protocol that parses what comes where it comes in.
Memory is bounded by the windows: a stream that nobody reads gets no more than its own.
"""

import asyncio
import logging
import struct
from collections.abc import Callable
from typing import cast

from engine.buildkit import hpack
from engine.buildkit.call import STREAM_WINDOW, Broken, Call
from proto.errdefs import Fault, Internal, Unavailable

logger = logging.getLogger(__name__)

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME = struct.Struct(">BHBBI")
_DATA, _HEADERS, _RESET, _SETTINGS, _PUSH, _PING, _GOAWAY, _WINDOW, _CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
_END_STREAM, _ACK, _END_HEADERS, _PADDED, _PRIORITY = 1, 1, 4, 8, 32
_NO_ERROR, _PROTOCOL_ERROR, _CANCEL = 0, 1, 8
_LARGEST_FRAME = 1 << 20
_LARGEST_BLOCK = 64 << 10
_CONNECTION_WINDOW = 1 << 30
_DEFAULT_WINDOW = (1 << 16) - 1
_HIGHEST_WINDOW = (1 << 31) - 1
_UNREAD_LIMIT = 32 << 20  # of what we answer to a peer that asks and asks, and reads nothing


class Connection(asyncio.Protocol):
    """One connection whose other end is a gRPC server."""

    def __init__(self, closed: Callable[[], None], spoken: Callable[[], None]) -> None:
        self._closed = closed
        self._spoken = spoken  # called for each of the peer's settings
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._calls: dict[int, Call] = {}
        self._next = 1
        self._decoder = hpack.Decoder()
        self._block = b""  # of headers that are coming
        self._block_of = 0
        self._block_flags = 0
        self.paused = False
        self.peer_window = _DEFAULT_WINDOW
        self.peer_frame = 1 << 14
        self.window = _DEFAULT_WINDOW
        self._arrived = 0
        self._leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Speak first, as clients do."""
        self._transport = cast(asyncio.Transport, transport)
        settings = ((2, 0), (4, STREAM_WINDOW), (5, _LARGEST_FRAME), (6, _LARGEST_BLOCK))
        self._transport.write(_PREFACE)
        self.frame(_SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in settings))
        self.frame(_WINDOW, 0, 0, struct.pack(">I", _CONNECTION_WINDOW - _DEFAULT_WINDOW))
        if not self._transport.is_reading():
            self._transport.resume_reading()

    def open(self, path: str, metadata: list[tuple[str, str]]) -> Call:
        """A new call; its headers go out at once."""
        if self._transport is None or self._transport.is_closing() or self._leaving:
            raise Unavailable("the client's session has ended")
        number, self._next = self._next, self._next + 2
        call = self._calls[number] = Call(self, number)
        block = hpack.encode([
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "wherry"), *metadata,
        ])  # fmt: skip
        kind, flags = _HEADERS, 0
        while len(block) > self.peer_frame:
            self.frame(kind, flags, number, block[: self.peer_frame])
            block, kind = block[self.peer_frame :], _CONTINUATION
        self.frame(kind, _END_HEADERS, number, block)
        return call

    def frame(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        """Write one; what a peer does not read has a limit."""
        assert self._transport is not None
        if self._transport.is_closing():
            return
        head = _FRAME.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, number)
        self._transport.write(head + payload)
        if self._transport.get_write_buffer_size() > _UNREAD_LIMIT:
            self._transport.abort()

    def cancel(self, number: int) -> None:
        """No more of a call."""
        self.frame(_RESET, 0, number, struct.pack(">I", _CANCEL))

    def forget(self, number: int) -> None:
        """Nobody waits for the call any more."""
        self._calls.pop(number, None)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None and not self._transport.is_closing():
            self.frame(_GOAWAY, 0, 0, struct.pack(">II", 0, _NO_ERROR))
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take the frames that are whole."""
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        try:
            while end - at >= 9:
                high, low, kind, flags, number = _FRAME.unpack_from(data, at)
                size = high << 16 | low
                if size > _LARGEST_FRAME:
                    raise Broken(f"a frame of {size} bytes")
                if end - at < 9 + size:
                    break
                self._take(kind, flags, number & _HIGHEST_WINDOW, data[at + 9 : at + 9 + size])
                at += 9 + size
        except (Broken, hpack.Malformed, struct.error, IndexError) as error:
            logger.warning("a client's session does not speak HTTP/2: %s", error)
            self._fail(Internal(f"the client's session does not speak HTTP/2: {error}"))
            self.frame(_GOAWAY, 0, 0, struct.pack(">II", 0, _PROTOCOL_ERROR))
            assert self._transport is not None
            self._transport.close()
            self._rest = b""
            return
        self._rest = data[at:]

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if self._block_of and (kind != _CONTINUATION or number != self._block_of):
            raise Broken("a frame between a header's")
        if kind == _DATA:
            self._data(flags, number, payload)
        elif kind in (_HEADERS, _CONTINUATION):
            self._headers(kind, flags, number, payload)
        elif kind == _SETTINGS:
            self._settings(flags, payload)
        elif kind == _WINDOW:
            self._widen(number, struct.unpack(">I", payload)[0] & _HIGHEST_WINDOW)
        elif kind == _PUSH:
            raise Broken("a server pushes nothing here")
        else:
            self._control(kind, flags, number, payload)

    def _control(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == _PING and not flags & _ACK:
            self.frame(_PING, _ACK, 0, payload)
        elif kind == _RESET and number in self._calls:
            code = struct.unpack(">I", payload)[0]
            self._calls[number].fail(Unavailable(f"the client has broken the call off (HTTP/2 error {code})"))
        elif kind == _GOAWAY:
            self._leave(payload)

    def _data(self, flags: int, number: int, payload: bytes) -> None:
        self._arrived += len(payload)
        if self._arrived >= _CONNECTION_WINDOW // 4:
            self.frame(_WINDOW, 0, 0, struct.pack(">I", self._arrived))
            self._arrived = 0
        call = self._calls.get(number)
        if call is None:
            return  # of a call that was given up
        if payload:
            call.take(_unpadded(flags, payload))
        if flags & _END_STREAM:
            call.finish([])

    def _headers(self, kind: int, flags: int, number: int, part: bytes) -> None:
        if kind == _HEADERS:
            part = _unpadded(flags, part)
            self._block, self._block_of, self._block_flags = b"", number, flags
            part = part[5:] if flags & _PRIORITY else part
        elif not self._block_of:
            raise Broken("headers go on that have not begun")
        self._block += part
        if len(self._block) > _LARGEST_BLOCK:
            raise Broken("headers of more than 64 KiB")
        if not flags & _END_HEADERS:
            return
        headers = self._decoder.decode(self._block)
        call = self._calls.get(self._block_of)
        ended = self._block_flags & _END_STREAM
        self._block, self._block_of = b"", 0
        if call is None:
            return
        if ended:
            call.finish(headers)
        elif (status := dict(headers).get(":status")) not in (None, "200"):
            call.fail(Internal(f"the client's session answers with HTTP status {status}"))

    def _settings(self, flags: int, payload: bytes) -> None:
        if flags & _ACK:
            return
        for key, value in struct.iter_unpack(">HI", payload):
            if key == 4:
                if value > _HIGHEST_WINDOW:
                    raise Broken("a window too large")
                for call in self._calls.values():
                    call.window += value - self.peer_window
                self.peer_window = value
            elif key == 5:
                self.peer_frame = max(1 << 14, min(value, _LARGEST_FRAME))
        self.frame(_SETTINGS, _ACK, 0, b"")
        self._spoken()
        self._wake()

    def _widen(self, number: int, size: int) -> None:
        if not number:
            self.window += size
            if self.window > _HIGHEST_WINDOW:
                raise Broken("a window too large")
            self._wake()
        elif (call := self._calls.get(number)) is not None:
            call.window += size
            if call.window > _HIGHEST_WINDOW:
                raise Broken("a window too large")
            call.wake()

    def _leave(self, payload: bytes) -> None:
        """The peer takes no more calls, and knows none after the one it names."""
        self._leaving = True
        last = struct.unpack_from(">I", payload)[0] & _HIGHEST_WINDOW
        for number, call in self._calls.items():
            if number > last:
                call.fail(Unavailable("the client's session ends"))

    def pause_writing(self) -> None:
        """The socket is full."""
        self.paused = True

    def resume_writing(self) -> None:
        """There is room."""
        self.paused = False
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of all calls."""
        self._leaving = True
        self._fail(Unavailable("the client has gone"))
        self._closed()

    def _fail(self, fault: Fault) -> None:
        for call in self._calls.values():
            call.fail(fault)

    def _wake(self) -> None:
        for call in self._calls.values():
            call.wake()


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & _PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise Broken("more padding than payload")
    return payload[1 : len(payload) - payload[0]]
