"""Undoes a compression that Docker's clients may send but containerd does not read: xz and bzip2.

gzip and zstd pass as they are, the supervisor reads them. In-process only: no helper program is ever looked up in PATH.
"""

import bz2
import lzma
from collections.abc import AsyncIterator

from proto.errdefs import InvalidArgument

_LONGEST_MAGIC = 6
_OUTPUT = 1 << 20  # a bomb must come out in small pieces, so that the window can stop it

Decompressor = bz2.BZ2Decompressor | lzma.LZMADecompressor


async def decompressed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes, decompressed if they begin like xz or bzip2."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= _LONGEST_MAGIC:
            break
    decompressor = _for(head)
    if decompressor is None:
        if head:
            yield head
        async for chunk in chunks:
            yield chunk
        return
    for piece in _feed(decompressor, head):
        yield piece
    async for chunk in chunks:
        for piece in _feed(decompressor, chunk):
            yield piece
    if not decompressor.eof:
        raise InvalidArgument("unexpected EOF")


def _for(head: bytes) -> Decompressor | None:
    if head.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMADecompressor()
    if head.startswith(b"BZh"):
        return bz2.BZ2Decompressor()
    return None


def _feed(decompressor: Decompressor, data: bytes) -> list[bytes]:
    pieces = []
    try:
        while not decompressor.eof:
            piece = decompressor.decompress(data, _OUTPUT)
            data = b""
            if piece:
                pieces.append(piece)
            if decompressor.needs_input:
                break
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise InvalidArgument(f"invalid compressed archive: {error}") from error
    return pieces
