"""Sockets that are served."""

import os
import socket
import stat
from pathlib import Path

import pytest

from proto.errdefs import FailedPrecondition
from supervisor.config import Socket
from supervisor.server.sockets import bind_unix


def wanted(path: Path) -> Socket:
    return Socket(str(path), os.getuid(), os.getgid())


def test_others_may_not_connect(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "s.sock"
    bind_unix(wanted(path)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_the_socket_of_a_dead_daemon_is_replaced(tmp_path: Path) -> None:
    bind_unix(wanted(tmp_path / "s")).close()
    listener = bind_unix(wanted(tmp_path / "s"))
    listener.listen()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
    listener.close()


def test_the_socket_of_a_living_daemon_is_left_alone(tmp_path: Path) -> None:
    listener = bind_unix(wanted(tmp_path / "s"))
    listener.listen()
    with pytest.raises(FailedPrecondition, match="another daemon answers on"):
        bind_unix(wanted(tmp_path / "s"))
    listener.close()
