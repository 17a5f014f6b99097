"""Looking up and making paths inside a root, in an ordinary directory."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lowrt.linux import openat2 as o


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_PATH)
    yield fd
    os.close(fd)


def test_absolute_links_stay_inside(root: int, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "x").write_text("inside")
    (tmp_path / "link").symlink_to("/etc/x")
    fd = o.open_in_root(root, "/link", os.O_RDONLY)
    assert os.read(fd, 10) == b"inside"
    os.close(fd)


def test_magic_links_are_not_followed(root: int, tmp_path: Path) -> None:
    proc = os.open("/proc", os.O_PATH)
    try:
        with pytest.raises(OSError, match="openat2"):
            o.open_in_root(proc, "self/root/etc")
    finally:
        os.close(proc)


def test_directories_are_made_down_to_the_last(root: int, tmp_path: Path) -> None:
    os.close(o.mkdir_all_in_root(root, "a/./b//c", 0o700))
    assert (tmp_path / "a/b/c").is_dir()
    os.close(o.mkdir_all_in_root(root, "/a/b/c"))


def test_nothing_is_made_through_dots(root: int, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        o.mkdir_all_in_root(root, "new/../../out")
    assert not (tmp_path.parent / "out").exists()


def test_nothing_is_made_through_a_link_to_nowhere(root: int, tmp_path: Path) -> None:
    """CVE-2024-45310."""
    (tmp_path / "link").symlink_to("/tmp/lowrt-must-not-appear")
    with pytest.raises(NotADirectoryError):
        o.mkdir_all_in_root(root, "link/inner")
    with pytest.raises(FileExistsError):
        o.create_file_in_root(root, "link")
    assert not Path("/tmp/lowrt-must-not-appear").exists()


def test_a_file_is_made_once(root: int, tmp_path: Path) -> None:
    os.close(o.create_file_in_root(root, "etc/hosts"))
    assert (tmp_path / "etc/hosts").read_bytes() == b""
    with pytest.raises(FileExistsError):
        o.create_file_in_root(root, "etc/hosts")


@pytest.mark.parametrize("path", ["", "/", "a/..", "."])
def test_what_names_no_file_cannot_be_made(root: int, path: str) -> None:
    with pytest.raises(OSError, match="not the name of a file"):
        o.create_file_in_root(root, path)


def test_errors_keep_their_class_and_path(root: int) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        o.openat2(root, "nope", os.O_RDONLY)
    assert caught.value.filename == "nope"
