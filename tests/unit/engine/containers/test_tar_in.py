"""Tars in, and what they try."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.containers.tar_in import TarReader
from proto.errdefs import InvalidArgument
from tests import needs


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


EVIL = [
    [("..", {"type": tarfile.DIRTYPE, "mode": 0o777})],
    [("../d/../../out", {"data": b"x"})],
    [("//../out", {"data": b"x"})],
    [("./../../out/deep", {"data": b"x"})],
    [("a", {"type": tarfile.SYMTYPE, "linkname": "../.."}), ("a/b", {"type": tarfile.SYMTYPE, "linkname": "../.."}),
     ("a/b/out", {"data": b"x"})],
    [("l", {"type": tarfile.SYMTYPE, "linkname": "/proc/self/root"}), ("l/out", {"data": b"x"})],
    [("l", {"type": tarfile.SYMTYPE, "linkname": "/proc/self/cwd"}), ("l/out", {"type": tarfile.DIRTYPE})],
    [("l", {"type": tarfile.SYMTYPE, "linkname": ".."}), ("l", {"type": tarfile.DIRTYPE}), ("l/out", {"data": b"x"})],
    [("f", {"data": b"x"}), ("f", {"type": tarfile.SYMTYPE, "linkname": "../../secret"}), ("f", {"data": b"evil"})],
    [("h", {"type": tarfile.SYMTYPE, "linkname": "../../secret"}), ("g", {"type": tarfile.LNKTYPE, "linkname": "h"}),
     ("g", {"data": b"evil"})],
    [("l", {"type": tarfile.SYMTYPE, "linkname": "../../secret"}), ("l/", {"type": tarfile.DIRTYPE, "mode": 0o777})],
    [("l", {"type": tarfile.SYMTYPE, "linkname": "../.."}),
     ("g", {"type": tarfile.LNKTYPE, "linkname": "l/secret"}), ("g", {"data": b"evil"})],
]  # fmt: skip


@pytest.mark.parametrize("entries", EVIL, ids=range(len(EVIL)))
def test_no_entry_reaches_a_file_outside(root: Path, entries: list) -> None:
    """By name, by a link that came before it, by a hard link or by being replaced: the canary stays as it was."""
    canary = root.parent / "secret"
    canary.write_text("mine")
    canary.chmod(0o600)
    before = (canary.stat().st_ino, canary.stat().st_mode, root.parent.stat().st_mode, root.parent.stat().st_mtime_ns)
    with contextlib.suppress(OSError, InvalidArgument):
        extract(root, tar(*[(name, dict(fields)) for name, fields in entries]))
    assert canary.read_text() == "mine"
    assert before == (
        canary.stat().st_ino,
        canary.stat().st_mode,
        root.parent.stat().st_mode,
        root.parent.stat().st_mtime_ns,
    )
    assert sorted(path.name for path in root.parent.iterdir()) == ["root", "secret"]


def test_a_destination_that_is_a_link_stays_inside(root: Path) -> None:
    """The container may have put it there a moment ago."""
    (root / "target").mkdir()
    (root / "d" / "link").symlink_to("/target")
    extract(root, tar(("f", {"data": b"x"})), "/d/link")
    assert (root / "target" / "f").read_bytes() == b"x"


def test_a_link_is_replaced_and_not_written_through(root: Path) -> None:
    """Else a container chose which of its files a copy overwrites."""
    (root / "d" / "victim").write_text("mine")
    (root / "d" / "f").symlink_to("victim")
    extract(root, tar(("f", {"data": b"new"})))
    assert (root / "d" / "victim").read_text() == "mine"
    assert not (root / "d" / "f").is_symlink()


def test_a_folder_that_is_there_keeps_what_it_holds(root: Path) -> None:
    """Its mode becomes the tar's."""
    (root / "d" / "sub").mkdir(0o700)
    (root / "d" / "sub" / "kept").write_text("x")
    extract(root, tar(("sub", {"type": tarfile.DIRTYPE, "mode": 0o755}), ("sub/new", {"data": b"y"})))
    assert sorted(path.name for path in (root / "d" / "sub").iterdir()) == ["kept", "new"]
    assert (root / "d" / "sub").stat().st_mode & 0o777 == 0o755


def test_a_tree_gives_way_to_a_file_and_links_in_it_are_only_links(root: Path, tmp_path: Path) -> None:
    """Removing follows none of them."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("x")
    (root / "d" / "x" / "y").mkdir(parents=True)
    (root / "d" / "x" / "y" / "out").symlink_to(tmp_path / "outside")
    extract(root, tar(("x", {"data": b"now a file"})))
    assert (root / "d" / "x").read_bytes() == b"now a file"
    assert (tmp_path / "outside" / "kept").exists()


def test_missing_parents_are_made(root: Path) -> None:
    """Tars need not name them."""
    extract(root, tar(("a/b/c", {"data": b"x"})))
    assert (root / "d/a/b/c").read_bytes() == b"x"


def test_all_belong_to_the_user_where_that_is_asked_for(root: Path) -> None:
    """copyUIDGID: numbers of the tar do not count."""
    me = (os.getuid(), os.getgid())
    extract(root, tar(("f", {"uid": 12345, "gid": 54321}), ("s", {"type": tarfile.DIRTYPE, "uid": 99})), owner=me)
    for name in ("f", "s"):
        found = (root / "d" / name).stat()
        assert (found.st_uid, found.st_gid) == me


def test_setuid_survives_the_change_of_owner(root: Path) -> None:
    """chown(2) would take it: the mode comes last."""
    extract(root, tar(("su", {"mode": 0o4755, "data": b"x"})))
    assert (root / "d" / "su").stat().st_mode & 0o7777 == 0o4755


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_tars_are_unpacked_in_this_process(root: Path, compress: Callable[[bytes], bytes]) -> None:
    """Never by a program found by name (CVE-2026-41567)."""
    extract(root, io.BytesIO(compress(tar(("f", {"data": b"abc"})).getvalue())))
    assert (root / "d" / "f").read_bytes() == b"abc"


def test_a_tar_that_ends_too_early_is_the_clients_mistake(root: Path) -> None:
    """What came before it is there."""
    whole = tar(("a", {"data": b"x"}), ("b", {"data": b"y" * 5000})).getvalue()
    with pytest.raises(InvalidArgument, match="Error processing tar file"):
        extract(root, io.BytesIO(whole[:2500]))
    assert (root / "d" / "a").exists()


def test_an_empty_body_is_an_empty_tar(root: Path) -> None:
    """dockerd takes it too."""
    extract(root, tar())
    extract(root, io.BytesIO())
    assert list((root / "d").iterdir()) == []


@needs.root
def test_device_nodes_and_fifos(root: Path) -> None:
    """`docker cp` may carry them, as its user is root already."""
    extract(
        root,
        tar(
            ("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3, "mode": 0o666}),
            ("fifo", {"type": tarfile.FIFOTYPE, "mode": 0o600}),
        ),
    )
    found = (root / "d" / "null").stat()
    assert (stat.S_ISCHR(found.st_mode), os.major(found.st_rdev), os.minor(found.st_rdev)) == (True, 1, 3)
    assert stat.S_ISFIFO((root / "d" / "fifo").stat().st_mode)


@needs.root
def test_capabilities_come_along_and_what_would_be_the_hosts_does_not(tmp_path: Path) -> None:
    capability = b"\x01\x00\x00\x02\x80" + bytes(15)
    pax = {
        "SCHILY.xattr.security.capability": capability.decode("utf-8", "surrogateescape"),
        "SCHILY.xattr.trusted.overlay.opaque": "y",
    }
    (tmp_path / "d").mkdir()
    extract(tmp_path, tar(("f", {"pax_headers": pax, "mode": 0o755})))
    assert os.listxattr(tmp_path / "d/f") == ["security.capability"]
    assert os.getxattr(tmp_path / "d/f", "security.capability") == capability
