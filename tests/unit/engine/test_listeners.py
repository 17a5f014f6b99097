"""Sockets."""

import os
import socket
import stat
from pathlib import Path

import pytest

from engine import listeners
from engine.config import Config
from proto.errdefs import InvalidArgument


def test_a_unix_socket_replaces_a_dead_one_and_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "s"
    for _ in range(2):
        ((listener, context),) = listeners.listen(Config(hosts=(f"unix://{path}",), group=str(os.getgid())))
        assert context is None
        assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0
        listener.close()


def test_a_living_one_is_not_taken(tmp_path: Path) -> None:
    config = Config(hosts=(f"unix://{tmp_path}/s",), group=str(os.getgid()))
    ((listener, _),) = listeners.listen(config)
    with listener, pytest.raises(InvalidArgument, match="another daemon listens there"):
        listeners.listen(config)


def test_tcp() -> None:
    ((listener, _),) = listeners.listen(Config(hosts=("tcp://127.0.0.1:0",)))
    assert listener.getsockname()[0] == "127.0.0.1"
    listener.close()


@pytest.mark.parametrize("host", ["/path", "npipe://x", "fd://"])
def test_refusals(host: str) -> None:
    with pytest.raises(InvalidArgument):
        listeners.listen(Config(hosts=(host,)))


def test_tls_needs_its_files() -> None:
    with pytest.raises(InvalidArgument, match="--tlscert"):
        listeners.listen(Config(hosts=("tcp://127.0.0.1:0",), tlsverify=True))


def test_readiness_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "n"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        listeners.notify("READY=1")
        assert ear.recv(100) == b"READY=1"
