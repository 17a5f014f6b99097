"""A folder whose folders are far from each other."""

import fcntl
import os
import struct
from pathlib import Path

import pytest

from engine import placement


def _flags(folder: Path) -> int | None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        return int(struct.unpack("I", fcntl.ioctl(fd, placement._FS_IOC_GETFLAGS, bytes(4)))[0])
    except OSError:
        return None  # a file system without attributes
    finally:
        os.close(fd)


def test_asking_twice_or_where_nobody_knows_of_it_is_no_error(tmp_path: Path) -> None:
    placement.spread(str(tmp_path))
    placement.spread(str(tmp_path))
    placement.spread("/proc/self")


def test_the_attributes_that_a_folder_has_stay(tmp_path: Path) -> None:
    before = _flags(tmp_path)
    if before is None:
        pytest.skip("a file system without attributes")
    placement.spread(str(tmp_path))
    after = _flags(tmp_path)
    assert after is not None
    assert after & before == before
    assert after | placement._FS_TOPDIR_FL == before | placement._FS_TOPDIR_FL
