"""Unpacking what a container wrote: nothing reaches outside."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from engine.cli.errors import CommandFailed
from engine.cli.untar import extract


def archive(*members: tuple[str, bytes, bytes]) -> tarfile.TarFile:
    """A tar of (name, type, content or link target)."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as made:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.mode = 0o6755
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = content.decode()
                made.addfile(info)
            else:
                info.size = len(content)
                made.addfile(info, io.BytesIO(content))
    raw.seek(0)
    return tarfile.open(fileobj=raw)


FILE, FOLDER, LINK, HARD, DEVICE = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE


def test_a_tree_is_unpacked_under_its_new_name(tmp_path: Path) -> None:
    """Hard links follow the renaming."""
    members = archive(("a", FOLDER, b""), ("a/f", FILE, b"x"), ("a/h", HARD, b"a/f"), ("a/s", LINK, b"f"))
    extract(members, str(tmp_path), rename=("a", "b"))
    assert (tmp_path / "b/f").read_bytes() == b"x"
    assert (tmp_path / "b/h").stat().st_ino == (tmp_path / "b/f").stat().st_ino
    assert os.readlink(tmp_path / "b/s") == "f"


def test_setuid_bits_stay_in_the_container(tmp_path: Path) -> None:
    """They mean nothing good on the host."""
    extract(archive(("f", FILE, b"")), str(tmp_path), rename=("f", "f"))
    assert (tmp_path / "f").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("name", ["../f", "a/../../f", ".."])
def test_paths_that_lead_upward_are_refused(tmp_path: Path, name: str) -> None:
    """Whatever else is in the archive."""
    inside = tmp_path / "in"
    inside.mkdir()
    with pytest.raises(CommandFailed, match="leads outside"):
        extract(archive((name, FILE, b"x")), str(inside), rename=("a", "a"))
    assert list(tmp_path.iterdir()) == [inside]


def test_a_link_is_never_walked_through(tmp_path: Path) -> None:
    """Made by the archive itself, or there before."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    with pytest.raises(CommandFailed):
        extract(archive(("l", LINK, str(outside).encode()), ("l/f", FILE, b"x")), str(inside), rename=("l", "l"))
    with pytest.raises(CommandFailed):
        extract(archive(("l", LINK, b".."), ("h", HARD, b"l/x")), str(inside), rename=("z", "z"))
    assert list(outside.iterdir()) == []


def test_an_absolute_path_stays_below_the_folder(tmp_path: Path) -> None:
    """Its leading slash means nothing."""
    extract(archive(("/etc/f", FILE, b"x")), str(tmp_path), rename=("z", "z"))
    assert (tmp_path / "etc/f").read_bytes() == b"x"


def test_devices_are_left_out(tmp_path: Path) -> None:
    """Nobody copies a device out of a container for its good."""
    extract(archive(("d", DEVICE, b"")), str(tmp_path), rename=("d", "d"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_replaces_a_link_and_not_its_target(tmp_path: Path) -> None:
    """The link is what has the name."""
    victim = tmp_path / "victim"
    victim.write_text("safe")
    (tmp_path / "f").symlink_to(victim)
    extract(archive(("f", FILE, b"new")), str(tmp_path), rename=("f", "f"))
    assert victim.read_text() == "safe"
    assert (tmp_path / "f").read_text() == "new"
