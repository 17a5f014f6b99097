"""Waiting for a daemon that we started ourselves."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli import autostart
from engine.cli.errors import CommandFailed


@pytest.fixture
def notify(tmp_path: Path) -> Iterator[socket.socket]:
    """Where the daemon says READY."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        yield made


def daemon(tmp_path: Path, program: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")},
    )


def test_it_is_ready_when_it_says_so(notify: socket.socket, tmp_path: Path) -> None:
    """Other news do not count, and one datagram may hold several."""
    program = (
        "import os, socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "s.connect(os.environ['NOTIFY_SOCKET'])\n"
        "s.send(b'STATUS=NOT READY=1'); s.send(b'STATUS=up\\nREADY=1')\n"
        "import sys; sys.stdin.read()"
    )
    child = daemon(tmp_path, program)
    autostart._await_ready(notify, child.pid)
    child.communicate()


def test_a_daemon_that_dies_first_leaves_its_last_words(
    notify: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five lines of its log."""
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(9)))
    monkeypatch.setattr(autostart, "_LOG", log)
    child = daemon(tmp_path, "raise SystemExit(3)")
    with pytest.raises(CommandFailed) as caught:
        autostart._await_ready(notify, child.pid)
    child.communicate()
    assert str(caught.value.message).endswith("\n".join(f"line {number}" for number in range(4, 9)))


def test_the_daemon_beside_us_is_the_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed program starts what was installed with it, a checkout its own module."""
    (tmp_path / "wherryd").write_text("")
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "wherry")])
    assert autostart._wherryd() == [str(tmp_path / "wherryd")]
    (tmp_path / "wherryd").unlink()
    assert autostart._wherryd() == [sys.executable, "-m", "engine"]
