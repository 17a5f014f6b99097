"""Header blocks of HTTP/2 (RFC 7541), by the hpack library: bounded, and in text.

What is sent is never to be remembered, so nothing depends on the size of the table that the peer offers.
"""

import hpack

_TABLE_LIMIT = 4096  # what a decoder holds unless it says otherwise, and ours does not
_BLOCK_LIMIT = 64 << 10  # a few bytes can name a large header again and again
Headers = list[tuple[str, str]]


class Malformed(Exception):
    """Not a header block."""


def encode(headers: Headers) -> bytes:
    """Every header as a literal."""
    literal = [hpack.NeverIndexedHeaderTuple(_bytes(name), _bytes(value)) for name, value in headers]
    return hpack.Encoder().encode(literal, huffman=False)


class Decoder:
    """One connection's header blocks, in the order in which they come."""

    def __init__(self) -> None:
        self._decoder = hpack.Decoder(max_header_list_size=_BLOCK_LIMIT)
        self._decoder.max_allowed_table_size = _TABLE_LIMIT

    def decode(self, block: bytes) -> Headers:
        """The headers of one block; raises Malformed."""
        try:
            return [(_text(name), _text(value)) for name, value in self._decoder.decode(block, raw=True)]
        except (hpack.HPACKError, IndexError) as error:
            raise Malformed(str(error) or type(error).__name__) from None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes | str) -> str:
    return data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
