"""errno becomes the exception that Python has for it."""

import ctypes
import os

import pytest

from lowrt.linux import constants as c
from lowrt.linux.libc import check, libc, syscall


def test_a_good_result_comes_back() -> None:
    assert check(5, "call") == 5


def test_a_bad_one_raises_the_fitting_class_with_call_and_path() -> None:
    ctypes.set_errno(2)
    with pytest.raises(FileNotFoundError) as caught:
        check(-1, "openat", "/x")
    assert (caught.value.strerror, caught.value.filename) == ("openat: No such file or directory", "/x")


def test_the_raw_door_passes_ints_and_bytes() -> None:
    fd = os.dup(0)
    assert syscall(c.NR_CLOSE_RANGE, fd, fd, 0) == 0
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_errno_is_kept() -> None:
    assert libc.close(-1) == -1
    assert ctypes.get_errno() == 9
