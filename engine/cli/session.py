"""An attached process: our standard input goes to it, its output comes to us, signals and window size follow ours."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from engine.cli.client import Daemon, Hijacked
from engine.cli.errors import DaemonError
from engine.cli.streams import copy_output
from engine.cli.terminal import raw_mode, watch_size

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def talk(connection: Hijacked, *, tty: bool, stdin: bool, resize: Callable[[int, int], object] | None = None) -> None:
    """Copy both ways until the process's output ends. With a terminal, keys go through raw and sizes are reported."""
    if stdin:
        threading.Thread(target=_send_input, args=(connection,), daemon=True).start()
    with closing(connection), raw_mode(tty and stdin):
        if tty and resize is not None:
            with watch_size(resize):
                copy_output(connection.read, multiplexed=False)
        else:
            copy_output(connection.read, multiplexed=not tty)


def _send_input(connection: Hijacked) -> None:
    """Runs beside the output; the program does not wait for it, since a read from a terminal may never return."""
    while data := _read_input():
        try:
            connection.write(data)
        except OSError:
            return  # the process has ended; its output says the rest
    connection.close_input()


def _read_input() -> bytes:
    """Some of our standard input; a closed one (`<&-`) is at its end."""
    try:
        return os.read(sys.stdin.fileno(), 65536) if sys.stdin is not None else b""
    except OSError:
        return b""


@contextmanager
def forward_signals(daemon: Daemon, container: str, *, enabled: bool) -> Iterator[None]:
    """Pass the signals we receive on to the container while inside."""
    if not enabled:
        yield
        return

    def forward(number: int, _frame: object) -> None:
        try:
            daemon.post(f"/containers/{container}/kill", signal=signal.Signals(number).name)
        except DaemonError as error:
            if error.status not in (404, 409):
                raise  # gone or not running is what the signal wanted

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def resizer(daemon: Daemon, path: str) -> Callable[[int, int], None]:
    """A function that tells the engine a window's size; a process that is not there yet or any more has none."""

    def resize(rows: int, columns: int) -> None:
        try:
            daemon.post(f"{path}/resize", h=rows, w=columns)
        except DaemonError as error:
            if error.status not in (404, 409, 500):
                raise

    return resize
