"""Docker's multiplexed output: eight bytes of header (stream, three zeros, length) before each piece.

https://docs.docker.com/reference/api/engine/ — “Stream format” of the attach call. The decoder does no I/O.
"""

import struct
import sys
from collections.abc import Callable, Iterator
from typing import IO

HEADER = struct.Struct(">BxxxI")
STDOUT, STDERR = 1, 2


class Demultiplexer:
    """Received bytes in, (stream, data) pieces out; a piece may be given before its frame is complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0
        self._stream = STDOUT

    def feed(self, received: bytes) -> Iterator[tuple[int, bytes]]:
        """Take bytes in order; give what they hold for each stream."""
        self._buffer += received
        while self._buffer:
            if self._left == 0:
                if len(self._buffer) < HEADER.size:
                    return
                self._stream, self._left = HEADER.unpack_from(self._buffer)
                del self._buffer[: HEADER.size]
                continue
            piece = bytes(self._buffer[: self._left])
            del self._buffer[: len(piece)]
            self._left -= len(piece)
            yield self._stream, piece


def copy_output(read: Callable[[], bytes], *, multiplexed: bool) -> None:
    """Copy everything `read` gives to our own standard output and error, each piece at once."""
    demultiplexer = Demultiplexer()
    while received := read():
        pieces = demultiplexer.feed(received) if multiplexed else iter([(STDOUT, received)])
        for stream, data in pieces:
            write_through(sys.stderr.buffer if stream == STDERR else sys.stdout.buffer, data)


def write_through(sink: IO[bytes], data: bytes) -> None:
    """Write and flush; a reader that left (`| head`) ends the program as it ends any filter."""
    sink.write(data)
    sink.flush()
