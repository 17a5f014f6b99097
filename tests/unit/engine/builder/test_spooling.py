"""A spooled context: nothing on the disk until it is asked for, then just what an extraction makes."""

import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from engine.builder import sources
from engine.builder.spooling import Spooler
from engine.builder.unpacking import Unpacker

_FOLDER: Mapping[str, object] = {"type": tarfile.DIRTYPE, "mode": 0o700, "mtime": 3}
_LINK: Mapping[str, object] = {"type": tarfile.SYMTYPE, "linkname": "a"}
_HARD: Mapping[str, object] = {"type": tarfile.LNKTYPE, "linkname": "d/small"}


def _tar(*entries: tuple[str, bytes, Mapping[str, object]]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data, fields in entries:
            entry = tarfile.TarInfo(name)
            entry.size, entry.uid, entry.gid, entry.mtime = len(data), os.getuid(), os.getgid(), 9
            for key, value in fields.items():
                setattr(entry, key, value)
            tar.addfile(entry, io.BytesIO(data))
    return io.BytesIO(buffer.getvalue())


_ORDINARY: tuple[tuple[str, bytes, Mapping[str, object]], ...] = (
    ("a", b"1", {"mode": 0o755}),
    ("d", b"", _FOLDER),
    ("d/small", b"22", {}),
    ("d/empty", b"", {}),
    ("d/large", bytes(range(256)) * 4096, {"mode": 0o4711}),
    ("implied/x", b"3", {}),
    ("l", b"", _LINK),
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[str, int]]:
    (tmp_path / "tree").mkdir()
    fd = os.open(tmp_path / "tree", os.O_PATH | os.O_DIRECTORY)
    yield str(tmp_path), fd
    os.close(fd)


def _seen(folder: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        data = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        time = status.st_mtime if path.is_file() or path.name == "d" else None
        found[str(path.relative_to(folder))] = (status.st_mode, None if path.is_symlink() else time, data)
    return found


def test_the_folder_is_made_when_it_is_wanted_and_is_what_an_extraction_makes(
    place: tuple[str, int], tmp_path: Path
) -> None:
    with closing(Spooler(*place)) as spooler:
        spooler.unpack(_tar(*_ORDINARY))
        assert os.listdir(tmp_path / "tree") == []
        assert spooler.tree is not None
        told = spooler.tree.find((".", "d", "a"), (), owners=True, parents=False)
        assert spooler.bytes_of(spooler.tree.at("d/large"), 3) == b"\0\1\2"
        assert spooler.bytes_of(spooler.tree.at("d/small"), 9) == b"22"
        spooler.materialise()
        spooler.materialise()
        assert sources.find(place[1], (".", "d", "a"), (), owners=True) == told
        assert sources.find(place[1], (".", "d", "a"), (), owners=True, digests=spooler.digests) == told
    (tmp_path / "plain").mkdir()
    fd = os.open(tmp_path / "plain", os.O_PATH | os.O_DIRECTORY)
    Unpacker(fd).unpack(_tar(*_ORDINARY))
    os.close(fd)
    assert _seen(tmp_path / "tree") == _seen(tmp_path / "plain")


@pytest.mark.parametrize(
    "strange",
    [
        ("hard", b"", _HARD),
        ("a", b"again", {}),
        ("l/x", b"through a link", {}),
        ("fifo", b"", {"type": tarfile.FIFOTYPE}),
        ("attributes", b"4", {"pax_headers": {"SCHILY.xattr.user.x": "y"}}),
    ],
    ids=lambda entry: entry[0],
)
def test_what_a_tree_cannot_tell_of_goes_into_the_folder_with_all_that_was_before(
    place: tuple[str, int], tmp_path: Path, strange: tuple[str, bytes, Mapping[str, object]]
) -> None:
    entries = [entry for entry in _ORDINARY if entry[0] != "l"] if strange[0] == "l/x" else list(_ORDINARY)
    if strange[0] == "l/x":
        entries.append(("l", b"", {**_LINK, "linkname": "d"}))
    with closing(Spooler(*place)) as spooler:
        spooler.unpack(_tar(*entries, strange, ("after/y", b"5", {})))
        assert spooler.tree is None
        known = sources.find(place[1], (".",), (), owners=True, digests=spooler.digests)
        assert sources.find(place[1], (".",), (), owners=True) == known
    found = _seen(tmp_path / "tree")
    assert found["after/y"][2] == b"5"  # type: ignore[index]
    assert found["d/large"][2] == bytes(range(256)) * 4096  # type: ignore[index]
    if strange[0] == "l/x":
        assert found["d/x"][2] == b"through a link"  # type: ignore[index]
