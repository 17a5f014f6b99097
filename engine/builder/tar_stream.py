"""A tar as it arrives, taken apart without copying what has not been looked at yet.

`tarfile`'s own stream keeps what follows an entry in one string, and makes a new one of it for each read: with many
small files most of the time goes there. Headers as Go's clients write them are read here, too; any other kind is left
to `tarfile`.
"""

import tarfile
from typing import Protocol

_PIECE = 1 << 20
_BLOCK = 512
_MAGIC = b"ustar\x0000"


class Source(Protocol):
    """What a tar is read from."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes."""
        ...


class Forward:
    """The file that a TarFile reads: it goes forward only."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._piece = b""
        self._used = 0
        self._position = 0

    def tell(self) -> int:
        """How much was read."""
        return self._position

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end alone."""
        data = self.some(size)
        if len(data) == size:
            return data
        parts, missing = [data], size - len(data)
        while missing and (data := self.some(missing)):
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def some(self, size: int) -> bytes:
        """Up to so many bytes, as they came; b"" at the end."""
        if self._used == len(self._piece):
            self._piece, self._used = self._source.read(_PIECE), 0
        data = self._piece[self._used : self._used + size]  # no copy, where that is all of it
        self._used += len(data)
        self._position += len(data)
        return data

    def seek(self, position: int) -> int:
        """Pass over what is in between."""
        if position < self._position:
            raise tarfile.StreamError("seeking backwards is not allowed")
        while self._position < position and self.some(position - self._position):
            pass
        return self._position


class QuickInfo(tarfile.TarInfo):
    """An entry; those of plain files and folders are understood at a glance."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "QuickInfo":
        """One header."""
        kind = buf[156:157]
        plain = len(buf) == _BLOCK and buf[257:265] == _MAGIC and kind in (b"0", b"5") and buf[345] == 0
        if plain:
            try:
                return cls._plain(buf, kind, encoding, errors)
            except ValueError:
                pass  # a number that is none, or of another form
        return super().frombuf(buf, encoding, errors)

    @classmethod
    def _plain(cls, buf: bytes | bytearray, kind: bytes | bytearray, encoding: str, errors: str) -> "QuickInfo":
        checksum = _octal(buf[148:156])
        if checksum != sum(buf) - sum(buf[148:156]) + 8 * ord(" "):
            raise ValueError("bad checksum")
        made = cls(bytes(buf[:100]).partition(b"\0")[0].decode(encoding, errors))
        made.mode, made.uid, made.gid = _octal(buf[100:108]), _octal(buf[108:116]), _octal(buf[116:124])
        made.size, made.mtime = _octal(buf[124:136]), _octal(buf[136:148])
        made.chksum = checksum
        made.type = bytes(kind)
        if kind == tarfile.DIRTYPE:
            made.name = made.name.rstrip("/")
        return made


def _octal(field: bytes | bytearray) -> int:
    text = bytes(field).rstrip(b"\0 ")
    if not text.isdigit():  # int() takes more than a header may have
        raise ValueError("not a number")
    return int(text, 8)


def opened(source: Source) -> tarfile.TarFile:
    """A tar to be gone through once, from its beginning. ReadError, "empty file", where nothing comes."""
    return tarfile.TarFile(fileobj=Forward(source), tarinfo=QuickInfo)  # type: ignore[arg-type]  # all that it calls


def data_of(tar: tarfile.TarFile, size: int) -> bytes:
    """Some of the current entry's data, up to so many bytes; ReadError where there is no more."""
    assert isinstance(tar.fileobj, Forward)
    data = tar.fileobj.some(size)
    if not data:
        raise tarfile.ReadError("unexpected end of data")
    return data


def all_data_of(tar: tarfile.TarFile, size: int) -> bytes:
    """So many bytes of the current entry's data."""
    assert isinstance(tar.fileobj, Forward)
    data = tar.fileobj.read(size)
    if len(data) < size:
        raise tarfile.ReadError("unexpected end of data")
    return data
