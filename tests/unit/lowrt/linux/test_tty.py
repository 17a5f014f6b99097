"""Pseudoterminals, on a pair of our own."""

import fcntl
import os
import pty
import struct
import termios
from collections.abc import Iterator

import pytest

from lowrt.linux import tty


@pytest.fixture
def pair() -> Iterator[tuple[int, int]]:
    master, other = pty.openpty()
    yield master, other
    os.close(master)
    os.close(other)


def size_of(fd: int) -> tuple[int, int]:
    rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))
    return rows, columns


def test_the_peer_is_opened_without_a_path(pair: tuple[int, int]) -> None:
    number = tty.unlock(pair[0])
    peer = tty.open_peer(pair[0])
    assert os.ttyname(peer) == f"/dev/pts/{number}"
    os.close(peer)


def test_sizes_are_set_and_copied(pair: tuple[int, int]) -> None:
    tty.set_size(pair[0], 33, 77)
    assert size_of(pair[1]) == (33, 77)
    other_master, other = pty.openpty()
    tty.copy_size(pair[0], other_master)
    assert size_of(other) == (33, 77)
    os.close(other_master)
    os.close(other)


def test_raw_mode_comes_and_goes(pair: tuple[int, int]) -> None:
    before = termios.tcgetattr(pair[1])
    former = tty.make_raw(pair[1])
    assert not termios.tcgetattr(pair[1])[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
    tty.restore(pair[1], former)
    assert termios.tcgetattr(pair[1]) == before


def test_newlines_are_left_alone(pair: tuple[int, int]) -> None:
    tty.stop_newline_translation(pair[1])
    assert not termios.tcgetattr(pair[1])[1] & termios.ONLCR


def test_a_terminal_becomes_the_sessions(pair: tuple[int, int]) -> None:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setsid()
            tty.set_controlling(pair[1])
            os.close(os.open("/dev/tty", os.O_RDWR))
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
