"""One tar entry, and the decoding of its 512-byte header and extended records: pure functions, bytes in, values out.

Names stay bytes: a layer's file names have no encoding. Every length is bounded before it is believed. The words of
the errors are those of Go's archive/tar, because that is what users of containerd search for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from proto.errdefs import Fault

BLOCK = 512
MAX_EXTENDED = 1 << 20  # a path, link or PAX block: as archive/tar bounds it
MAX_SPARSE_EXTENTS = 1 << 18

REGULAR, LINK, SYMLINK, CHAR, BLOCKDEV, DIRECTORY, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
HEADER_ONLY = frozenset((LINK, SYMLINK, CHAR, BLOCKDEV, DIRECTORY, FIFO))
_ZERO_BLOCK = bytes(BLOCK)


class BadArchive(Fault):
    """The stream is not the tar it claims to be; its code is UNKNOWN, as containerd answers."""


def bad_header() -> BadArchive:
    """What archive/tar says of everything malformed."""
    return BadArchive("archive/tar: invalid tar header")


@dataclass(slots=True)
class Entry:
    """A file, folder, link or device in the archive; `size` is what a reader will get, `stored` what the stream
    holds."""

    name: bytes
    kind: bytes
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    stored: int = 0
    mtime_ns: int = 0
    atime_ns: int | None = None
    linkname: bytes = b""
    major: int = 0
    minor: int = 0
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    sparse: list[tuple[int, int]] | None = None  # (offset, length) of each stored extent


def is_zero(block: bytes) -> bool:
    """Whether this is a block of the end marker."""
    return block == _ZERO_BLOCK


def decode_header(block: bytes) -> Entry:
    """Decode a header block: V7, ustar, GNU and star, whichever its magic says."""
    if not _checksum_is_right(block):
        raise bad_header()
    kind = block[156:157]
    entry = Entry(
        name=cut(block[0:100]),
        kind=REGULAR if kind in (b"\0", b"0") else kind,
        mode=number(block[100:108]),
        uid=number(block[108:116]),
        gid=number(block[116:124]),
        size=number(block[124:136]),
        mtime_ns=number(block[136:148]) * 1_000_000_000,
        linkname=cut(block[157:257]),
    )
    if entry.size < 0:
        raise bad_header()
    magic = block[257:265]
    if magic[:5] == b"ustar":
        if kind in (CHAR, BLOCKDEV):
            entry.major, entry.minor = number(block[329:337]), number(block[337:345])
        prefix = b"" if magic == b"ustar  \0" else cut(block[345:476] if block[508:512] == b"tar\0" else block[345:500])
        if prefix:
            entry.name = prefix + b"/" + entry.name
    entry.stored = entry.size
    return entry


def _checksum_is_right(block: bytes) -> bool:
    stored = number(block[148:156])
    unsigned = sum(block) - sum(block[148:156]) + 8 * 32
    if stored == unsigned:
        return True
    return stored == unsigned - 256 * sum(1 for byte in block[:148] + block[156:] if byte > 127)  # old signed sums


def cut(text: bytes) -> bytes:
    """A header's string field: up to its first NUL."""
    return text.split(b"\0", 1)[0]


def number(field_bytes: bytes) -> int:
    """A header's number: octal, or big-endian binary when its top bit is set."""
    if field_bytes and field_bytes[0] & 0x80:
        value = int.from_bytes(bytes([field_bytes[0] & 0x7F]) + field_bytes[1:], "big")
        if field_bytes[0] & 0x40:
            value -= 1 << (8 * len(field_bytes) - 1)
        if not -(1 << 63) <= value < 1 << 63:
            raise bad_header()
        return value
    text = field_bytes.strip(b" \0")
    text = text.split(b"\0", 1)[0]
    if not text:
        return 0
    if text.strip(b"01234567"):
        raise bad_header()
    return int(text, 8)


def decode_pax(data: bytes) -> list[tuple[bytes, bytes]]:
    """The records of an extended header, in order; a key may come more than once."""
    records = []
    while data:
        digits, space, _ = data[:24].partition(b" ")
        if not space or not digits.isdigit():
            raise bad_header()
        length = int(digits)
        record = data[len(digits) + 1 : length]
        if length > len(data) or length < len(digits) + 3 or not record.endswith(b"\n"):
            raise bad_header()
        key, equals, value = record[:-1].partition(b"=")
        if not equals or not key or b"\0" in key:
            raise bad_header()
        if key in (b"path", b"linkpath", b"uname", b"gname") and b"\0" in value:
            raise bad_header()
        records.append((key, value))
        data = data[length:]
    return records


def apply_pax(entry: Entry, records: list[tuple[bytes, bytes]]) -> None:
    """Let extended records override the header; an empty value means that the header's own stands."""
    for key, value in records:
        if key.startswith(b"SCHILY.xattr."):
            entry.xattrs[key[13:]] = value
        elif value and key in _PAX_SETTERS:
            _PAX_SETTERS[key](entry, value)


def _set_size(entry: Entry, value: bytes) -> None:
    entry.size = entry.stored = _size(value)


def _decimal(value: bytes) -> int:
    if len(value) > 20 or not value.removeprefix(b"-").isdigit():
        raise bad_header()
    return int(value)


def _size(value: bytes) -> int:
    size = _decimal(value)
    if not 0 <= size < 1 << 63:
        raise bad_header()
    return size


def pax_time(value: bytes) -> int:
    """Decimal seconds with a fraction, exactly, in nanoseconds."""
    seconds, _, fraction = value.partition(b".")
    if fraction and not fraction.isdigit():
        raise bad_header()
    nanoseconds = int(fraction[:9].ljust(9, b"0") or 0)
    whole = _decimal(seconds or b"0") * 1_000_000_000
    return whole - nanoseconds if seconds.startswith(b"-") else whole + nanoseconds


def check_sparse(extents: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """Extents in order, without overlap, inside the file; anything else is refused."""
    if len(extents) > MAX_SPARSE_EXTENTS:
        raise bad_header()
    end = 0
    for offset, length in extents:
        if length < 0 or offset < end or offset + length > size:
            raise bad_header()
        end = offset + length
    return extents


_PAX_SETTERS: dict[bytes, Callable[[Entry, bytes], None]] = {
    b"path": lambda entry, value: setattr(entry, "name", value),
    b"linkpath": lambda entry, value: setattr(entry, "linkname", value),
    b"uid": lambda entry, value: setattr(entry, "uid", _decimal(value)),
    b"gid": lambda entry, value: setattr(entry, "gid", _decimal(value)),
    b"size": _set_size,
    b"mtime": lambda entry, value: setattr(entry, "mtime_ns", pax_time(value)),
    b"atime": lambda entry, value: setattr(entry, "atime_ns", pax_time(value)),
}
