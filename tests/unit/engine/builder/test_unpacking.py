"""A context's tar on the disk: what an ordinary extraction gives, and a digest of every file."""

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from engine.builder.unpacking import Unpacker
from proto.errdefs import InvalidArgument


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "root").mkdir()
    fd = os.open(tmp_path / "root", os.O_PATH | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def _tar(*entries: tuple[str, bytes, Mapping[str, object]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data, fields in entries:
            entry = tarfile.TarInfo(name)
            entry.size, entry.uid, entry.gid = len(data), os.getuid(), os.getgid()
            for key, value in fields.items():
                setattr(entry, key, value)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def test_every_file_is_there_with_its_mode_its_time_and_its_digest(root: int, tmp_path: Path) -> None:
    data = {
        f"d/{number}": bytes([number]) * size for number, size in enumerate((0, 1, 511, 512, 513, 1 << 20, 3 << 20))
    }
    unpacker = Unpacker(root)
    unpacker.unpack(io.BytesIO(_tar(*((name, content, {"mode": 0o640, "mtime": 5}) for name, content in data.items()))))
    for name, content in data.items():
        path = tmp_path / "root" / name
        found = path.stat()
        assert path.read_bytes() == content
        assert (found.st_mode & 0o7777, found.st_mtime) == (0o640, 5)
        assert unpacker.digests[found.st_ino] == hashlib.sha256(content).hexdigest()


def test_a_second_file_of_a_name_replaces_the_first(root: int, tmp_path: Path) -> None:
    unpacker = Unpacker(root)
    unpacker.unpack(io.BytesIO(_tar(("a/x", b"1", {}), ("a/y", b"2", {}), ("a/x", b"3", {}))))
    path = tmp_path / "root/a/x"
    assert path.read_bytes() == b"3"
    assert unpacker.digests[path.stat().st_ino] == hashlib.sha256(b"3").hexdigest()


def test_a_folder_that_became_a_link_is_looked_up_anew(root: int, tmp_path: Path) -> None:
    link: dict[str, object] = {"type": tarfile.SYMTYPE, "linkname": "/b"}
    folder: dict[str, object] = {"type": tarfile.DIRTYPE, "mode": 0o755}
    Unpacker(root).unpack(
        io.BytesIO(_tar(("b", b"", folder), ("a/x", b"1", {}), ("a", b"", link), ("a/x", b"2", {}), ("a/y", b"3", {})))
    )
    assert sorted(path.name for path in (tmp_path / "root/b").iterdir()) == ["x", "y"]
    assert (tmp_path / "root/a").is_symlink()


def test_no_name_leads_out(root: int, tmp_path: Path) -> None:
    link: dict[str, object] = {"type": tarfile.SYMTYPE, "linkname": "../../.."}
    Unpacker(root).unpack(
        io.BytesIO(_tar(("../../e1", b"1", {}), ("l", b"", link), ("l/e2", b"2", {}), ("x/../../e3", b"3", {})))
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root"]
    assert {"e1", "e2", "e3"} <= {path.name for path in (tmp_path / "root").iterdir()}


def test_what_is_cut_off_is_no_archive(root: int) -> None:
    with pytest.raises(InvalidArgument, match="Error processing tar file"):
        Unpacker(root).unpack(io.BytesIO(_tar(("a", bytes(5000), {}))[:2000]))


def test_nothing_at_all_is_an_empty_context(root: int) -> None:
    Unpacker(root).unpack(io.BytesIO(b""))
    assert os.listdir(f"/proc/self/fd/{root}") == []
