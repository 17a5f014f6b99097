import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from proto.errdefs import Fault, ResourceExhausted
from supervisor.diff.layer_writer import disk_fault
from tests.raw_tar import Member, archive, file, folder, hardlink, symlink

Unpack = Callable[[bytes], object]


def test_files_have_data_mode_and_time(unpack: Unpack, target: Path) -> None:
    unpack(archive(file("a", b"hello", mode=0o4711, mtime=1234)))
    status = (target / "a").stat()
    assert (target / "a").read_bytes() == b"hello"
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o4711, 1234)


def test_folders_keep_their_time_whatever_is_put_into_them_later(unpack: Unpack, target: Path) -> None:
    unpack(archive(folder("d", 0o700, mtime=1000), file("d/x"), file("d/y")))
    assert (target / "d").stat().st_mtime == 1000
    assert stat.S_IMODE((target / "d").stat().st_mode) == 0o700


def test_links_are_links(unpack: Unpack, target: Path) -> None:
    unpack(archive(file("a"), hardlink("b", "a"), symlink("c", "/nowhere"), hardlink("d", "c")))
    assert (target / "a").stat().st_ino == (target / "b").stat().st_ino
    assert os.readlink(target / "c") == os.readlink(target / "d") == "/nowhere"


def test_a_later_entry_replaces_an_earlier_one_of_any_kind(unpack: Unpack, target: Path) -> None:
    unpack(archive(folder("x"), file("x/y"), file("x", b"now a file")))
    assert (target / "x").read_bytes() == b"now a file"
    unpack(archive(symlink("x", "y")))
    assert (target / "x").is_symlink()


def test_folder_over_folder_merges(unpack: Unpack, target: Path) -> None:
    unpack(archive(folder("d", 0o700), file("d/x")))
    unpack(archive(folder("d", 0o750)))
    assert (target / "d" / "x").exists()
    assert stat.S_IMODE((target / "d").stat().st_mode) == 0o750


def test_holes_stay_holes(unpack: Unpack, target: Path) -> None:
    pax = {"GNU.sparse.map": b"10000000,3", "GNU.sparse.size": b"20000000", "GNU.sparse.numblocks": b"1"}
    unpack(archive(Member(b"s", data=b"abc", pax=pax)))
    status = (target / "s").stat()
    assert status.st_size == 20_000_000
    assert status.st_blocks < 100
    with open(target / "s", "rb") as opened:
        opened.seek(10_000_000)
        assert opened.read(3) == b"abc"


def test_a_whiteout_removes_what_was_there_before_but_not_what_came_along(unpack: Unpack, target: Path) -> None:
    (target / "old").mkdir()
    (target / "old" / "x").write_text("x")
    unpack(archive(file(".wh.old", b""), file("new"), file(".wh.new", b"")))
    assert os.listdir(target) == ["new"]


def test_an_opaque_marker_empties_a_folder_of_older_things(unpack: Unpack, target: Path) -> None:
    (target / "d").mkdir()
    (target / "d" / "old").write_text("x")
    unpack(archive(file("d/new"), file("d/.wh..wh..opq", b"")))
    assert os.listdir(target / "d") == ["new"]


def test_attributes_are_set_but_not_those_of_overlayfs(unpack: Unpack, target: Path) -> None:
    pax = {"SCHILY.xattr.user.a": b"b\0c", "SCHILY.xattr.user.overlay.opaque": b"y"}
    unpack(archive(Member(b"f", data=b"x", pax=pax)))
    assert os.listxattr(target / "f") == ["user.a"]
    assert os.getxattr(target / "f", "user.a") == b"b\0c"


def test_an_unknown_kind_is_named_by_its_number(unpack: Unpack) -> None:
    with pytest.raises(Fault, match="unhandled tar header type 55"):
        unpack(archive(Member(kind=b"7")))


def test_the_root_itself_is_left_alone(unpack: Unpack, target: Path) -> None:
    mode = target.stat().st_mode
    unpack(archive(folder("./", 0o700)))
    assert target.stat().st_mode == mode


def test_a_full_disk_is_told_apart_from_other_trouble() -> None:
    assert isinstance(disk_fault(OSError(errno.ENOSPC, ""), b"f"), ResourceExhausted)
    assert "no space left on device" in str(disk_fault(OSError(errno.ENOSPC, ""), b"f"))
    assert type(disk_fault(OSError(errno.EIO, ""), b"f")) is Fault
