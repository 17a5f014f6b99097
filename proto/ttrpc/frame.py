"""The ttrpc frame: a ten-byte header and its data. Bytes in, frames out; no I/O.

    0        4          8     9      10
    +--------+----------+-----+------+-----------------+
    | length | stream id| type| flags|  data … length  |
    +--------+----------+-----+------+-----------------+
      u32 BE    u32 BE    u8     u8

A frame announced as longer than MESSAGE_LIMIT is not an end of the connection: its body is skipped without being
stored and an `Oversized` is reported, so that the server can answer that one stream with ResourceExhausted.
"""

import struct

from proto.errdefs import ResourceExhausted

HEADER = struct.Struct(">IIBB")
MESSAGE_LIMIT = 4 << 20  # bytes of data in one frame

# What a connection asks for at once. asyncio's own 256 KiB are a mapping made and undone again for each small message.
READ_SIZE = 16 << 10

REQUEST = 1
RESPONSE = 2
DATA = 3

REMOTE_CLOSED = 0x01
REMOTE_OPEN = 0x02
NO_DATA = 0x04


class Frame:
    """One whole frame; `data` is a serialized Request or Response for unary calls."""

    __slots__ = ("data", "flags", "kind", "stream")

    def __init__(self, stream: int, kind: int, flags: int, data: bytes) -> None:
        self.stream = stream
        self.kind = kind
        self.flags = flags
        self.data = data

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frame):
            return NotImplemented
        mine = (self.stream, self.kind, self.flags, self.data)
        return mine == (other.stream, other.kind, other.flags, other.data)

    __hash__ = None  # type: ignore[assignment]  # frames are compared in tests, never keys

    def __repr__(self) -> str:
        return f"Frame(stream={self.stream}, kind={self.kind}, flags={self.flags:#x}, {len(self.data)} bytes)"


class Oversized:
    """A frame whose body was too long and was thrown away."""

    __slots__ = ("kind", "length", "stream")

    def __init__(self, stream: int, kind: int, length: int) -> None:
        self.stream = stream
        self.kind = kind
        self.length = length


def encode(stream: int, kind: int, data: bytes, flags: int = 0) -> bytes:
    """The bytes of one frame; raises ResourceExhausted when `data` is over the limit, as the peer would refuse it."""
    if len(data) > MESSAGE_LIMIT:
        raise ResourceExhausted(oversize_message(len(data)))
    return HEADER.pack(len(data), stream, kind, flags) + data


def oversize_message(length: int) -> str:
    """The sentence for a message over the limit, in the words of the Go implementation."""
    return f"message length {length} exceed maximum message size of {MESSAGE_LIMIT}"


class Decoder:
    """Collects received bytes and gives the frames that are complete."""

    __slots__ = ("_buffer", "_skip")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0

    @property
    def idle(self) -> bool:
        """True between frames: the connection may end here without loss."""
        return not self._buffer and not self._skip

    def feed(self, received: bytes) -> list[Frame | Oversized]:
        """Take bytes in the order they arrived; give every frame they complete."""
        self._buffer += received
        events: list[Frame | Oversized] = []
        while self._drop_skipped() and len(self._buffer) >= HEADER.size:
            length, stream, kind, flags = HEADER.unpack_from(self._buffer)
            if length > MESSAGE_LIMIT:
                del self._buffer[: HEADER.size]
                self._skip = length
                events.append(Oversized(stream, kind, length))
                continue
            end = HEADER.size + length
            if len(self._buffer) < end:
                break
            events.append(Frame(stream, kind, flags, bytes(self._buffer[HEADER.size : end])))
            del self._buffer[:end]
        return events

    def _drop_skipped(self) -> bool:
        """Throw away what belongs to an oversized body; False while more of it is to come."""
        dropped = min(self._skip, len(self._buffer))
        del self._buffer[:dropped]
        self._skip -= dropped
        return self._skip == 0
