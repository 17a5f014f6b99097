"""The person's terminal: raw mode that is always undone, its size, and news of its size."""

import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def is_terminal() -> bool:
    """Whether standard input is a terminal, which `--tty` needs."""
    return sys.stdin.isatty()


@contextmanager
def raw_mode(enabled: bool) -> Iterator[None]:
    """Give every key to the container while inside; the terminal is as it was afterwards, whatever happened."""
    if not enabled or not is_terminal():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def size() -> tuple[int, int]:
    """Rows and columns; (0, 0) where there is no terminal."""
    try:
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        return 0, 0
    return rows, columns


@contextmanager
def watch_size(resize: Callable[[int, int], object]) -> Iterator[None]:
    """Tell `resize` the size now and whenever the window changes."""

    def changed(*_: object) -> None:
        rows, columns = size()
        if rows and columns:
            resize(rows, columns)

    before = signal.signal(signal.SIGWINCH, changed)
    changed()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
