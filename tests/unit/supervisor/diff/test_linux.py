import os
from pathlib import Path

import pytest

from supervisor.diff import linux


def test_paths_are_resolved_inside_the_root(tmp_path: Path) -> None:
    (tmp_path / "root" / "etc").mkdir(parents=True)
    (tmp_path / "root" / "link").symlink_to("/etc")
    (tmp_path / "root" / "up").symlink_to("../../../..")
    root = os.open(tmp_path / "root", os.O_PATH)
    try:
        for name, found in ((b"link", "etc"), (b"up/etc", "etc"), (b"../../etc", "etc")):
            fd = linux.openat2(root, name, os.O_PATH, linux.RESOLVE_IN_ROOT)
            assert os.readlink(f"/proc/self/fd/{fd}") == str(tmp_path / "root" / found)
            os.close(fd)
    finally:
        os.close(root)


def test_a_missing_name_is_the_ordinary_exception(tmp_path: Path) -> None:
    root = os.open(tmp_path, os.O_PATH)
    try:
        with pytest.raises(FileNotFoundError):
            linux.openat2(root, b"missing", os.O_PATH, linux.RESOLVE_IN_ROOT)
    finally:
        os.close(root)
