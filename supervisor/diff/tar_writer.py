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
    block = bytearray(BLOCK)
    _put(block, 0, 100, name)
    _octal(block, 100, 8, header.mode)
    _octal(block, 108, 8, header.uid)
    _octal(block, 116, 8, header.gid)
    _octal(block, 124, 12, header.size)
    _octal(block, 136, 12, header.mtime)
    block[156:157] = kind
    _put(block, 157, 100, _ascii(header.linkname))
    block[257:265] = b"ustar\x0000"
    _octal(block, 329, 8, header.major)
    _octal(block, 337, 8, header.minor)
    block[148:156] = b" " * 8
    block[148:155] = b"%06o\0" % sum(block)
    return bytes(block)


def _ascii(text: bytes) -> bytes:
    return bytes(byte for byte in text if 0 < byte < 128)


def _put(block: bytearray, at: int, length: int, text: bytes) -> None:
    text = text[:length]
    block[at : at + len(text)] = text


def _octal(block: bytearray, at: int, length: int, value: int) -> None:
    if not 0 <= value < 8 ** (length - 1):
        value = 0  # a PAX record says it
    _put(block, at, length, b"%0*o\0" % (length - 1, value))
