"""The person's terminal, played by a pty."""

import os
import pty
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.cli.terminal import raw_mode, size, watch_size


@pytest.fixture
def terminal() -> Iterator[int]:
    master, slave = pty.openpty()
    yield slave
    os.close(slave)
    os.close(master)


@contextmanager
def standing_for_ours(terminal: int) -> Iterator[None]:
    """Standard input and output are the terminal inside: pytest puts its own back before each test's body."""
    with pytest.MonkeyPatch.context() as patch, os.fdopen(os.dup(terminal), "r+b", buffering=0) as file:
        patch.setattr(sys, "stdin", file)
        patch.setattr(sys, "stdout", file)
        yield


def test_raw_mode_is_undone_also_after_an_error(terminal: int) -> None:
    """A broken terminal is the worst of farewells."""
    before = termios.tcgetattr(terminal)

    def fail_inside() -> None:
        with standing_for_ours(terminal), raw_mode(True):
            assert not termios.tcgetattr(terminal)[3] & termios.ECHO
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_inside()
    assert termios.tcgetattr(terminal) == before


def test_the_size_is_told_at_once_and_on_every_change(terminal: int) -> None:
    """SIGWINCH brings the news."""
    told: list[tuple[int, int]] = []
    termios.tcsetwinsize(terminal, (24, 80))
    with standing_for_ours(terminal), watch_size(lambda rows, columns: told.append((rows, columns))):
        termios.tcsetwinsize(terminal, (30, 100))
        os.kill(os.getpid(), signal.SIGWINCH)
    assert told == [(24, 80), (30, 100)]


def test_without_a_terminal_there_is_no_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor raw mode."""
    with open(os.devnull, "r+b", buffering=0) as null:
        monkeypatch.setattr(sys, "stdout", null)
        monkeypatch.setattr(sys, "stdin", null)
        assert size() == (0, 0)
        with raw_mode(True):
            assert not null.isatty()
