"""Room ahead of a growing file."""

import os
from pathlib import Path

from supervisor.content.disk import Onward


def _grown(path: Path, pieces: int, size: int = 1 << 20) -> os.stat_result:
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        onward, end = Onward(fd), 0
        for _ in range(pieces):
            onward.before(end + size)
            end += os.pwrite(fd, bytes(size), end)
            onward.after(end)
            assert os.fstat(fd).st_size == end  # room is asked for behind the end: nobody sees zeros
        onward.trim(end)
        return os.fstat(fd)
    finally:
        os.close(fd)


def test_a_large_file_holds_no_more_room_than_it_needs_once_it_is_trimmed(tmp_path: Path) -> None:
    status = _grown(tmp_path / "large", 40)
    assert status.st_size == 40 << 20
    assert status.st_blocks * 512 <= (40 << 20) + (1 << 20)


def test_a_small_file_is_left_alone(tmp_path: Path) -> None:
    assert _grown(tmp_path / "small", 3, 1000).st_size == 3000


def test_a_file_that_no_room_can_be_asked_for_is_written_all_the_same() -> None:
    reading, writing = os.pipe()
    try:
        onward = Onward(writing)
        onward.before(100 << 20)
        onward.before(200 << 20)
        onward.after(200 << 20)
    finally:
        os.close(reading)
        os.close(writing)
