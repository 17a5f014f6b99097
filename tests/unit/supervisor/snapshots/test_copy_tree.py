"""A faithful copy."""

import os
import stat
from pathlib import Path

from supervisor.snapshots.copy_tree import copy_tree


def look(root: Path) -> dict[str, tuple[object, ...]]:
    """All that a copy must keep, by path."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files, "."]:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            regular = stat.S_ISREG(status.st_mode)
            content = Path(path).read_bytes() if regular else os.readlink(path) if stat.S_ISLNK(status.st_mode) else b""
            found[os.path.relpath(path, root)] = (
                status.st_mode,
                status.st_uid,
                status.st_gid,
                status.st_mtime_ns,
                0 if stat.S_ISDIR(status.st_mode) else status.st_nlink,
                content,
            )
    return found


def test_everything_is_copied_as_it_is(tmp_path: Path) -> None:
    """Modes, times, links of both kinds, fifos, folders that cannot be written."""
    source, target = tmp_path / "s", tmp_path / "t"
    source.mkdir()
    target.mkdir()
    (source / "f").write_bytes(b"x" * 100_000)
    os.chmod(source / "f", 0o4755)
    (source / "d" / "e").mkdir(parents=True)
    os.link(source / "f", source / "d" / "e" / "hard")
    (source / "soft").symlink_to("/does/not/exist")
    os.mkfifo(source / "d" / "fifo", 0o640)
    (source / "empty").touch()
    os.utime(source / "d", ns=(10**18, 10**18 + 7))
    os.chmod(source / "d", 0o500)
    os.chmod(source, 0o711)
    copy_tree(str(source), str(target))
    assert look(target) == look(source)
    assert os.stat(target / "f").st_ino == os.stat(target / "d" / "e" / "hard").st_ino
    os.chmod(source / "d", 0o700)
    os.chmod(target / "d", 0o700)


def test_holes_stay_holes(tmp_path: Path) -> None:
    """A sparse file does not fill the disk."""
    source, target = tmp_path / "s", tmp_path / "t"
    source.mkdir()
    target.mkdir()
    with open(source / "f", "wb") as file:
        file.truncate(1 << 28)
        file.seek(1 << 27)
        file.write(b"data")
    copy_tree(str(source), str(target))
    copied = os.stat(target / "f")
    assert copied.st_size == 1 << 28
    assert copied.st_blocks * 512 < 1 << 20
    with open(target / "f", "rb") as file:
        file.seek(1 << 27)
        assert file.read(4) == b"data"


def test_links_are_not_followed(tmp_path: Path) -> None:
    """The copy has the link, not what it points to."""
    source, target, outside = tmp_path / "s", tmp_path / "t", tmp_path / "outside"
    for folder in (source, target, outside):
        folder.mkdir()
    (outside / "secret").write_text("x")
    (source / "link").symlink_to(outside)
    copy_tree(str(source), str(target))
    assert os.readlink(target / "link") == str(outside)
    assert os.listdir(target) == ["link"]
