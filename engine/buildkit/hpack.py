"""HPACK (RFC 7541): header blocks of HTTP/2. What is sent is spelled out; what comes may be indexed and Huffman-coded.

The Huffman code is canonical, so the lengths of its words say all of it.
"""

_LENGTHS = (
    "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca"
    "d67777777777777777777777878djde6f56565666577666567655677777fbeds"
    "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn"
    "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq"
    "u"
)  # one digit of base 36 for each of 256 letters and the end
_STATIC = """\
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate"""
_TABLE = tuple(line.partition(" ")[::2] for line in _STATIC.split("\n"))
_TABLE_LIMIT = 4096  # what a decoder holds unless it says otherwise, and ours does not
_OVERHEAD = 32
_BLOCK_LIMIT = 64 << 10
Headers = list[tuple[str, str]]


class Malformed(Exception):
    """Not a header block."""


def _words() -> dict[tuple[int, int], int]:
    """Letters by length and code."""
    found, code, length = {}, 0, 0
    for size, letter in sorted((int(digit, 36), letter) for letter, digit in enumerate(_LENGTHS)):
        code <<= size - length
        length = size
        found[size, code] = letter
        code += 1
    return found


_WORDS = _words()
_END = 256


def encode(headers: Headers) -> bytes:
    """Every header as a literal that nobody needs to remember."""
    out = bytearray()
    for name, value in headers:
        out.append(0)
        for text in (name, value):
            data = text.encode("utf-8", "surrogateescape")
            out += _number(len(data), 7) + data
    return bytes(out)


def _number(value: int, bits: int) -> bytes:
    top = (1 << bits) - 1
    if value < top:
        return bytes((value,))
    out = bytearray((top,))
    value -= top
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def unhuffman(data: bytes) -> bytes:
    """The text of a Huffman-coded one."""
    out, code, size = bytearray(), 0, 0
    for byte in data:
        for shift in range(7, -1, -1):
            code, size = code << 1 | byte >> shift & 1, size + 1
            letter = _WORDS.get((size, code))
            if letter is not None:
                if letter == _END:
                    raise Malformed("the end of a Huffman code inside of it")
                out.append(letter)
                code = size = 0
            elif size >= 30:
                raise Malformed("no word of the Huffman code")
    if size > 7 or code != (1 << size) - 1:
        raise Malformed("the padding of a Huffman code is not its end's beginning")
    return bytes(out)


class Decoder:
    """One connection's header blocks, in the order in which they come."""

    def __init__(self) -> None:
        self._known: list[tuple[str, str]] = []  # the newest first
        self._limit = _TABLE_LIMIT
        self._block = b""
        self._at = 0

    def decode(self, block: bytes) -> Headers:
        """The headers of one block."""
        self._block, self._at = block, 0
        found: Headers = []
        total = 0
        try:
            while self._at < len(block):
                header = self._one(block[self._at])
                if header is not None:
                    found.append(header)
                    total += _size(header)
                    if total > _BLOCK_LIMIT:  # a few bytes can name a large header again and again
                        raise Malformed("headers of more than 64 KiB")
        except IndexError:
            raise Malformed("a header block that ends too early") from None
        return found

    def _one(self, first: int) -> tuple[str, str] | None:
        if first & 0x80:
            return self._at_index(self._integer(7))
        if first & 0xE0 == 0x20:
            limit = self._integer(5)
            if limit > _TABLE_LIMIT:
                raise Malformed("a table larger than was offered")
            self._limit = limit
            self._shrink()
            return None
        kept = first & 0x40
        index = self._integer(6 if kept else 4)
        name = self._at_index(index)[0] if index else self._text()
        header = (name, self._text())
        if kept:
            self._known.insert(0, header)
            self._shrink()
        return header

    def _at_index(self, index: int) -> tuple[str, str]:
        if not index:
            raise Malformed("index 0")
        if index <= len(_TABLE):
            return _TABLE[index - 1]
        return self._known[index - len(_TABLE) - 1]

    def _shrink(self) -> None:
        while self._known and sum(map(_size, self._known)) > self._limit:
            self._known.pop()

    def _integer(self, bits: int) -> int:
        top = (1 << bits) - 1
        value = self._block[self._at] & top
        self._at += 1
        if value < top:
            return value
        for shift in range(0, 28, 7):
            byte = self._block[self._at]
            self._at += 1
            value += (byte & 127) << shift
            if not byte & 128:
                return value
        raise Malformed("a number of too many bytes")

    def _text(self) -> str:
        coded = self._block[self._at] & 0x80
        size = self._integer(7)
        data = self._block[self._at : self._at + size]
        if len(data) < size:
            raise IndexError
        self._at += size
        return (unhuffman(data) if coded else data).decode("utf-8", "surrogateescape")


def _size(header: tuple[str, str]) -> int:
    return len(header[0]) + len(header[1]) + _OVERHEAD
