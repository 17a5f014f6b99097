"""Telling systemd."""

import os
import socket
from pathlib import Path

import pytest

from supervisor.systemd import Notifier


def test_the_state_goes_to_the_socket_and_children_know_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notifier = Notifier.from_environment()
        assert "NOTIFY_SOCKET" not in os.environ
        assert notifier.notify("READY=1")
        assert listener.recv(100) == b"READY=1"


def test_without_anybody_listening_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not Notifier.from_environment().notify("READY=1")


def test_one_who_stopped_listening_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert not Notifier(str(tmp_path / "gone")).notify("STOPPING=1")
