"""Tars as they arrive."""

import io
import os
import tarfile

import pytest

from engine.builder.tar_stream import Forward, QuickInfo, all_data_of, data_of, opened


class _Trickle:
    """A source that gives as little as it likes."""

    def __init__(self, data: bytes, piece: int) -> None:
        self._file = io.BytesIO(data)
        self._piece = piece

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(min(size, self._piece) if size >= 0 else self._piece)


def _archive(kind: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind) as tar:
        folder = tarfile.TarInfo("folder/")
        folder.type, folder.mode, folder.mtime = tarfile.DIRTYPE, 0o2755, 12
        tar.addfile(folder)
        for name, size in (("folder/small", 5), ("empty", 0), ("l" * 150, 700), ("ü", 1), ("large", 3 << 20)):
            info = tarfile.TarInfo(name)
            info.size, info.uid, info.gid, info.mtime = size, 7, 9, 1_700_000_000
            tar.addfile(info, io.BytesIO(bytes(size)))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "folder/small"
        tar.addfile(link)
        huge = tarfile.TarInfo("far")
        huge.uid, huge.mtime = 1 << 40, 1.5 if kind == tarfile.PAX_FORMAT else 1
        tar.addfile(huge)
    return file.getvalue()


def _facts(entry: tarfile.TarInfo) -> tuple[object, ...]:
    return (entry.name, entry.type, entry.mode, entry.uid, entry.gid, entry.size, entry.mtime, entry.linkname)


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("piece", [100, 512, 4096, 1 << 20])
def test_entries_are_those_that_the_standard_reader_sees(kind: int, piece: int) -> None:
    data = _archive(kind)
    with tarfile.open(fileobj=io.BytesIO(data)) as plain, opened(_Trickle(data, piece)) as tar:
        assert [_facts(entry) for entry in tar] == [_facts(entry) for entry in plain]


def test_data_comes_whole_or_piece_by_piece_and_what_is_not_read_is_passed_over() -> None:
    file = io.BytesIO()
    contents = {"a": os.urandom(10), "b": os.urandom(5000), "c": os.urandom(70_000), "d": b"end"}
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    found = {}
    with opened(_Trickle(file.getvalue(), 1000)) as tar:
        for entry in tar:
            if entry.name == "b":
                continue
            if entry.name == "c":
                parts = b""
                while len(parts) < entry.size:
                    parts += data_of(tar, entry.size - len(parts))
                found["c"] = parts
            else:
                found[entry.name] = all_data_of(tar, entry.size)
    assert found == {name: content for name, content in contents.items() if name != "b"}


def test_an_archive_that_is_cut_short_is_no_archive() -> None:
    data = _archive()
    with pytest.raises(tarfile.ReadError, match="empty file"):
        opened(_Trickle(b"", 10))
    with opened(_Trickle(data[: 2 * 512 + 3], 100)) as tar:
        entries = iter(tar)
        assert [next(entries).name, next(entries).name] == ["folder", "folder/small"]
        with pytest.raises(tarfile.ReadError, match="unexpected end of data"):
            all_data_of(tar, 5)
    with pytest.raises(tarfile.ReadError):
        opened(_Trickle(b"no archive at all" * 100, 100))


@pytest.mark.parametrize(("place", "value"), [(148, b"9"), (124, b"\x80"), (100, b"-"), (0, b"x")])
def test_a_header_that_is_not_plain_is_left_to_the_standard_reader(place: int, value: bytes) -> None:
    buffer = bytearray(tarfile.TarInfo("name").tobuf(tarfile.USTAR_FORMAT))
    buffer[place : place + 1] = value
    for kind in (QuickInfo, tarfile.TarInfo):
        with pytest.raises(tarfile.TarError):
            kind.frombuf(buffer, "utf-8", "surrogateescape")


def test_a_stream_does_not_go_back() -> None:
    stream = Forward(io.BytesIO(b"abcdef"))
    assert stream.read(3) == b"abc"
    assert stream.seek(5) == 5
    with pytest.raises(tarfile.StreamError):
        stream.seek(1)
    assert stream.read(9) == b"f"
    assert stream.tell() == 6
