"""Opening inside a root."""

import os
from pathlib import Path

import pytest

from engine import kernel


def test_links_and_dots_stay_inside(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "f").write_text("mine")
    (tmp_path / "l").symlink_to("/etc")
    root = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    for path in ("etc/f", "/etc/f", "../../etc/f", "l/f"):
        fd = kernel.openat2(root, path, os.O_RDONLY)
        assert os.read(fd, 10) == b"mine"
        os.close(fd)
    with pytest.raises(FileNotFoundError):
        kernel.openat2(root, "etc/passwd", os.O_RDONLY)
    os.close(root)


def test_folders_are_made_inside(tmp_path: Path) -> None:
    (tmp_path / "l").symlink_to("/there")
    (tmp_path / "there").mkdir()
    root = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    os.close(kernel.make_folder(root, "/l/a/b"))
    assert (tmp_path / "there" / "a" / "b").is_dir()
    os.close(root)
