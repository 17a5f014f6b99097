"""An attached process."""

import os
import signal

import pytest

from engine.cli.client import Daemon
from engine.cli.session import forward_signals, resizer, talk
from engine.cli.streams import HEADER
from tests.fakes.engine_http import FakeEngine


def test_output_is_split_to_both_streams(
    engine: FakeEngine, daemon: Daemon, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """As the process wrote it."""
    engine.answers["POST /a"] = (101, HEADER.pack(1, 2) + b"ab" + HEADER.pack(2, 1) + b"c")
    connection = daemon.hijack("/a", {"stdin": 1})
    connection.close_input()
    talk(connection, tty=False, stdin=False)
    assert capfdbinary.readouterr() == (b"ab", b"c")


def test_a_terminal_s_output_is_raw(
    engine: FakeEngine, daemon: Daemon, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Nothing is unpacked."""
    engine.answers["POST /a"] = (101, b"\x01\x00raw")
    connection = daemon.hijack("/a", {"stdin": 1})
    connection.close_input()
    talk(connection, tty=True, stdin=False)
    assert capfdbinary.readouterr().out == b"\x01\x00raw"


def test_signals_go_to_the_container(engine: FakeEngine, daemon: Daemon) -> None:
    """And are ours again afterwards."""
    engine.answers["POST /containers/c/kill"] = (204, None)
    before = signal.getsignal(signal.SIGUSR1)
    with forward_signals(daemon, "c", enabled=True):
        os.kill(os.getpid(), signal.SIGUSR1)
    assert engine.sent("POST", "/containers/c/kill").query == {"signal": ["SIGUSR1"]}
    assert signal.getsignal(signal.SIGUSR1) == before


def test_a_signal_to_a_container_that_is_gone_is_no_error(engine: FakeEngine, daemon: Daemon) -> None:
    """It has what it wanted."""
    engine.answers["POST /containers/c/kill"] = (404, {"message": "gone"})
    with forward_signals(daemon, "c", enabled=True):
        os.kill(os.getpid(), signal.SIGUSR1)
    assert len(engine.requests) == 1


def test_the_size_goes_as_rows_and_columns(engine: FakeEngine, daemon: Daemon) -> None:
    """A process that is not there yet has none."""
    engine.answers["POST /exec/e/resize"] = (409, {"message": "not running"})
    resizer(daemon, "/exec/e")(24, 80)
    assert engine.sent("POST", "/exec/e/resize").query == {"h": ["24"], "w": ["80"]}
