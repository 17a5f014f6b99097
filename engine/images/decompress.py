"""Undoes compression in-process: no helper program is ever looked up in PATH (CVE-2026-41567 and its like).

For a load, only what Docker's clients may send but containerd does not read (xz, bzip2); gzip and zstd pass as they
are. For an import, everything. Output comes in small pieces whatever comes in: a bomb is stopped by whoever reads.
"""

import bz2
import lzma
import zlib
from collections.abc import AsyncIterator, Callable, Iterator

from proto.errdefs import InvalidArgument

_LONGEST_MAGIC = 6
_OUTPUT = 1 << 20

Feed = Callable[[bytes], Iterator[bytes]]  # bytes in, and b"" at the end


async def decompressed(chunks: AsyncIterator[bytes], *, whole: bool = False) -> AsyncIterator[bytes]:
    """The bytes, decompressed if they begin like something compressed; gzip and zstd only where `whole` is said."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= _LONGEST_MAGIC:
            break
    feed = _feed_for(head, whole=whole)
    for piece in feed(head):
        yield piece
    async for chunk in chunks:
        for piece in feed(chunk):
            yield piece
    for piece in feed(b""):
        yield piece


def _feed_for(head: bytes, *, whole: bool) -> Feed:
    if head.startswith(b"\xfd7zXZ\x00"):
        return _members(lzma.LZMADecompressor, lzma.LZMAError)
    if head.startswith(b"BZh"):
        return _members(bz2.BZ2Decompressor, OSError)
    if whole and head.startswith(b"\x1f\x8b"):
        return _gzip()
    if whole and head.startswith(b"\x28\xb5\x2f\xfd"):
        return _zstd()
    return _unchanged


def _unchanged(data: bytes) -> Iterator[bytes]:
    if data:
        yield data


def _members(new: Callable[[], lzma.LZMADecompressor | bz2.BZ2Decompressor], error: type[Exception]) -> Feed:
    """xz and bzip2, of the standard library alike; members that follow one another are one stream."""
    state = new()
    begun = False

    def feed(data: bytes) -> Iterator[bytes]:
        nonlocal state, begun
        if not data and begun and not state.eof:
            raise InvalidArgument("unexpected EOF")
        try:
            while data or not (state.needs_input or state.eof):
                if state.eof:
                    state = new()
                begun = True
                piece = state.decompress(data, _OUTPUT)
                data = state.unused_data.lstrip(b"\0") if state.eof else b""
                if piece:
                    yield piece
        except (error, EOFError) as failure:
            raise InvalidArgument(f"invalid compressed archive: {failure}") from failure

    return feed


def _gzip() -> Feed:
    state = zlib.decompressobj(wbits=31)
    begun = False

    def feed(data: bytes) -> Iterator[bytes]:
        nonlocal state, begun
        if not data and begun and not state.eof:
            raise InvalidArgument("unexpected EOF")
        try:
            while data:
                if state.eof:
                    state = zlib.decompressobj(wbits=31)
                begun = True
                yield state.decompress(data, _OUTPUT)
                data = state.unused_data.lstrip(b"\0") if state.eof else state.unconsumed_tail
        except zlib.error as error:
            raise InvalidArgument(f"invalid compressed archive: {error}") from error

    return feed


def _zstd() -> Feed:
    import zstandard  # for imports alone

    state = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)

    def feed(data: bytes) -> Iterator[bytes]:
        try:
            piece = state.decompress(data) if data else b""
        except zstandard.ZstdError as error:
            raise InvalidArgument(f"invalid compressed archive: {error}") from error
        for start in range(0, len(piece), _OUTPUT):
            yield piece[start : start + _OUTPUT]

    return feed
