"""Tar archives byte by byte, also those that no archiver would write."""

import os
from dataclasses import dataclass, field

BLOCK = 512
END = bytes(2 * BLOCK)


@dataclass
class Member:
    """One header and its data; `raw` fields overwrite the header's bytes after its checksum rules were kept."""

    name: bytes = b"file"
    kind: bytes = b"0"
    data: bytes = b""
    linkname: bytes = b""
    mode: int = 0o644
    uid: int = field(default_factory=os.getuid)
    gid: int = field(default_factory=os.getgid)
    size: int | None = None
    mtime: int = 1_700_000_000
    major: int = 0
    minor: int = 0
    pax: dict[str, bytes] = field(default_factory=dict)
    raw_pax: bytes | None = None
    fields: dict[int, bytes] = field(default_factory=dict)
    bad_checksum: bool = False

    def encode(self) -> bytes:
        return self._pax() + self._header() + self.data + bytes(-len(self.data) % BLOCK)

    def _pax(self) -> bytes:
        body = self.raw_pax if self.raw_pax is not None else b"".join(record(k, v) for k, v in self.pax.items())
        if not body:
            return b""
        return Member(b"PaxHeaders.0/x", b"x", body, mode=0, uid=0, gid=0).encode()

    def _header(self) -> bytes:
        block = bytearray(BLOCK)
        size = len(self.data) if self.size is None else self.size
        for at, text in (
            (0, self.name[:100]),
            (100, b"%07o\0" % self.mode),
            (108, b"%07o\0" % self.uid if self.uid < 8**7 else b"0000000\0"),
            (116, b"%07o\0" % self.gid if self.gid < 8**7 else b"0000000\0"),
            (124, b"%011o\0" % size),
            (136, b"%011o\0" % self.mtime),
            (156, self.kind),
            (157, self.linkname[:100]),
            (257, b"ustar\x0000"),
            (329, b"%07o\0" % self.major),
            (337, b"%07o\0" % self.minor),
            *self.fields.items(),
        ):
            block[at : at + len(text)] = text
        block[148:156] = b" " * 8
        total = sum(block) + (1 if self.bad_checksum else 0)
        block[148:156] = b"%06o\0 " % total
        return bytes(block)


def record(key: str, value: bytes) -> bytes:
    """One PAX record with a right length."""
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + len(str(len(body)))
    if len(str(length)) + len(body) != length:
        length += 1
    return b"%d" % length + body


def archive(*members: Member, end: bytes = END) -> bytes:
    """Members one after the other, and the end."""
    return b"".join(member.encode() for member in members) + end


def file(name: str | bytes, data: bytes = b"data", **more: object) -> Member:
    return Member(_bytes(name), b"0", data, **more)  # type: ignore[arg-type]


def folder(name: str | bytes, mode: int = 0o755, **more: object) -> Member:
    return Member(_bytes(name), b"5", mode=mode, **more)  # type: ignore[arg-type]


def symlink(name: str | bytes, target: str | bytes, **more: object) -> Member:
    return Member(_bytes(name), b"2", linkname=_bytes(target), mode=0o777, **more)  # type: ignore[arg-type]


def hardlink(name: str | bytes, target: str | bytes, **more: object) -> Member:
    return Member(_bytes(name), b"1", linkname=_bytes(target), **more)  # type: ignore[arg-type]


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
