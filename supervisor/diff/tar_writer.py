"""Tar headers as Go's archive/tar writes them: ustar, with PAX records only where ustar has no room. Pure.

The same bytes as containerd's for the same change, so that a layer compared here and one compared there have one
digest.
"""

import posixpath
from dataclasses import dataclass, field

from supervisor.diff.tar_entry import BLOCK, DIRECTORY, REGULAR

END = bytes(2 * BLOCK)


@dataclass(slots=True)
class Header:
    """What is written of a file; `mtime` in whole seconds."""

    name: bytes
    kind: bytes = REGULAR
    mode: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: int = 0
    linkname: bytes = b""
    major: int = 0
    minor: int = 0
    xattrs: dict[bytes, bytes] = field(default_factory=dict)


def encode(header: Header) -> bytes:
    """The header's blocks: a PAX one in front where it is needed."""
    records = _pax_records(header)
    own = _block(header, header.kind)
    return _pax_blocks(header.name, records) + own if records else own


def padding(size: int) -> bytes:
    """What follows `size` bytes of data."""
    return bytes(-size % BLOCK)


def _pax_records(header: Header) -> dict[bytes, bytes]:
    records = {b"SCHILY.xattr." + name: value for name, value in header.xattrs.items()}
    for key, text in ((b"path", header.name), (b"linkpath", header.linkname)):
        if len(text) > 100 or not text.isascii():
            records[key] = text
    limits = (
        (b"uid", header.uid, 7),
        (b"gid", header.gid, 7),
        (b"size", header.size, 11),
        (b"mtime", header.mtime, 11),
    )
    for key, value, digits in limits:
        if not 0 <= value < 8**digits:
            records[key] = b"%d" % value
    return records


def _pax_blocks(name: bytes, records: dict[bytes, bytes]) -> bytes:
    data = b"".join(_record(key, records[key]) for key in sorted(records))
    folder, base = posixpath.split(name.rstrip(b"/"))
    pax_name = _ascii(posixpath.join(folder, b"PaxHeaders.0", base))[:100].rstrip(b"/")
    return _block(Header(pax_name, size=len(data)), b"x") + data + padding(len(data))


def _record(key: bytes, value: bytes) -> bytes:
    """`<length of all> key=value\\n`, where the length counts its own digits."""
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + len(str(len(body)))
    if len(str(length)) + len(body) != length:
        length += 1
    return b"%d%b" % (length, body)


def _block(header: Header, kind: bytes) -> bytes:
    name = _ascii(header.name)
    if kind == DIRECTORY and not name.endswith(b"/"):
        name += b"/"
    fields = (_fits(header.mode, 7), _fits(header.uid, 7), _fits(header.gid, 7))
    head = name[:100].ljust(100, b"\0") + b"%07o\0%07o\0%07o\0" % fields
    head += b"%011o\0%011o\0" % (_fits(header.size, 11), _fits(header.mtime, 11))
    tail = kind + _ascii(header.linkname)[:100].ljust(100, b"\0") + b"ustar\x0000" + bytes(64)
    tail += b"%07o\0%07o\0" % (_fits(header.major, 7), _fits(header.minor, 7)) + bytes(167)
    checksum = sum(head) + sum(tail) + 8 * ord(" ")
    return head + b"%06o\0 " % checksum + tail


def _ascii(text: bytes) -> bytes:
    if text.isascii() and b"\0" not in text:
        return text
    return bytes(byte for byte in text if 0 < byte < 128)


def _fits(value: int, digits: int) -> int:
    """A number that its field holds; for others a PAX record says it."""
    return value if 0 <= value < 8**digits else 0
