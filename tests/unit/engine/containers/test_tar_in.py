"""Tars in, and what they try."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from engine.containers.tar_in import TarReader
from proto.errdefs import InvalidArgument


def tar(*entries: tuple[str, dict]) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, fields in entries:
            info = tarfile.TarInfo(name)
            data = fields.pop("data", b"")
            info.size, info.uid, info.gid, info.mode = len(data), os.getuid(), os.getgid(), 0o640
            for key, value in fields.items():
                setattr(info, key, value)
            made.addfile(info, io.BytesIO(data))
    return io.BytesIO(out.getvalue())


def extract(root: Path, source: io.BytesIO, destination: str = "/d", **more: object) -> None:
    fd = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        TarReader(fd, destination, **more).extract(source)  # type: ignore[arg-type]
    finally:
        os.close(fd)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "d").mkdir(parents=True)
    return tmp_path / "root"


def test_files_folders_and_links(root: Path) -> None:
    extract(
        root,
        tar(
            ("sub", {"type": tarfile.DIRTYPE, "mode": 0o700, "mtime": 5}),
            ("sub/f", {"data": b"abc"}),
            ("sub/l", {"type": tarfile.SYMTYPE, "linkname": "f"}),
            ("h", {"type": tarfile.LNKTYPE, "linkname": "sub/f"}),
        ),
    )
    assert (root / "d/sub/f").read_bytes() == b"abc"
    assert (root / "d/sub/f").stat().st_mode & 0o7777 == 0o640
    assert os.readlink(root / "d/sub/l") == "f"
    assert (root / "d/h").stat().st_ino == (root / "d/sub/f").stat().st_ino
    assert (root / "d/sub").stat().st_mtime == 5


@pytest.mark.parametrize(
    "entries",
    [
        [("../../out", {"data": b"x"})],
        [("/../../out", {"data": b"x"})],
        [("l", {"type": tarfile.SYMTYPE, "linkname": "../../.."}), ("l/out", {"data": b"x"})],
        [("l", {"type": tarfile.SYMTYPE, "linkname": "/"}), ("l/out", {"data": b"x"})],
    ],
)
def test_nothing_lands_outside(root: Path, entries: list) -> None:
    extract(root, tar(*[(name, dict(fields)) for name, fields in entries]))
    assert sorted(path.name for path in root.parent.iterdir()) == ["root"]


def test_a_hard_link_to_the_outside_is_not_made(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    with pytest.raises(OSError, match="No such file"):
        extract(root, tar(("h", {"type": tarfile.LNKTYPE, "linkname": "../../secret"})))


def test_kinds_may_be_kept(root: Path) -> None:
    (root / "d" / "x").mkdir()
    with pytest.raises(InvalidArgument, match="cannot overwrite directory"):
        extract(root, tar(("x", {"data": b"y"})), keep_kinds=True)
    extract(root, tar(("x", {"data": b"y"})))
    assert (root / "d" / "x").read_bytes() == b"y"


def test_garbage_is_the_clients_mistake(root: Path) -> None:
    with pytest.raises(InvalidArgument, match="Error processing tar file"):
        extract(root, io.BytesIO(b"garbage" * 200))
