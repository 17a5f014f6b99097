"""Folders: made under one name, removed under another, and trees of any shape removed and measured."""

import os
from pathlib import Path

import pytest

from supervisor.snapshots.folders import SnapshotFolders, disk_usage, remove_tree


def test_a_folder_is_adopted_or_gone(tmp_path: Path) -> None:
    """What was not adopted does not outlive its block."""
    folders = SnapshotFolders(str(tmp_path))
    with folders.temporary() as temporary:
        assert folders.strays([]) == []
        (Path(temporary) / "fs").mkdir()
        folders.adopt(temporary, 7)
    with folders.temporary():
        pass
    assert os.listdir(folders.path) == ["7"]
    assert folders.of(7) == str(tmp_path / "snapshots" / "7")
    assert folders.strays([7]) == []
    assert folders.strays([8]) == [folders.of(7)]


def test_a_stray_with_the_same_number_makes_way(tmp_path: Path) -> None:
    """It belongs to nobody, for the number has just been given out."""
    folders = SnapshotFolders(str(tmp_path))
    (tmp_path / "snapshots" / "1" / "old").mkdir(parents=True)
    with folders.temporary() as temporary:
        (Path(temporary) / "new").mkdir()
        folders.adopt(temporary, 1)
    assert os.listdir(folders.of(1)) == ["new"]
    assert len(folders.strays([1])) == 1


def test_discarding_twice_is_fine(tmp_path: Path) -> None:
    """A crash may have come in between."""
    folders = SnapshotFolders(str(tmp_path))
    (tmp_path / "snapshots" / "1" / "fs").mkdir(parents=True)
    folders.discard(1)
    folders.discard(1)
    assert os.listdir(folders.path) == []


def deep(path: Path, depth: int) -> None:
    """A path longer than any system call takes."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d" * 50, dir_fd=fd)
        below = os.open("d" * 50, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=fd))
    os.close(fd)


def test_a_tree_of_any_shape_goes(tmp_path: Path) -> None:
    """Two thousand levels, odd names, links to elsewhere, folders nobody may enter."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    tree = tmp_path / "tree"
    tree.mkdir()
    deep(tree, 2000)
    (tree / ".lifted-1").mkdir()
    (tree / "out").symlink_to(kept)
    (tree / "sub").mkdir()
    (tree / "sub" / "out").symlink_to(kept / "file")
    os.mkfifo(tree / "fifo")
    with open(os.fsencode(tree) + b"/\xff\n", "wb"):
        pass
    os.chmod(tree / "sub", 0o700)
    remove_tree(str(tree))
    assert not tree.exists()
    assert (kept / "file").read_text() == "x"
    remove_tree(str(tree))


def test_a_link_is_not_taken_for_the_tree_it_points_to(tmp_path: Path) -> None:
    """Only a folder is removed."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "tree")
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        remove_tree(str(tmp_path / "link"))
    assert (tmp_path / "tree").is_dir()


def test_usage_counts_blocks_and_inodes_once(tmp_path: Path) -> None:
    """Hard links, holes and depth."""
    tree = tmp_path / "tree"
    tree.mkdir()
    empty = disk_usage(str(tree))
    assert empty.inodes == 1
    (tree / "f").write_bytes(b"x" * 50_000)
    os.link(tree / "f", tree / "g")
    with open(tree / "hole", "wb") as file:
        file.truncate(1 << 30)
    (tree / "link").symlink_to("/")
    usage = disk_usage(str(tree))
    assert usage.inodes == 4
    assert 50_000 <= usage.size - empty.size < 100_000
    deep(tree, 300)
    assert disk_usage(str(tree)).inodes == 4 + 301
