"""Descriptors: the container's, and the rest."""

import os

import pytest

from lowrt.errors import Fault
from lowrt.init import fds


def test_preserved_descriptors_must_have_been_given() -> None:
    assert fds.check_preserved(2, {3, 4}) == 2
    with pytest.raises(Fault) as caught:
        fds.check_preserved(2, {3})
    assert str(caught.value) == "unable to stat preserved-fd 1 (of 2): no such file or directory"


def test_systemds_listeners_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    assert fds.listeners() == 2
    assert fds.check_preserved(1, {5}) == 3


def test_listeners_of_another_process_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_PID", "1")
    assert fds.listeners() == 0


def test_sealing_tells_what_is_foreign_and_what_is_not() -> None:
    """In a child: it changes every descriptor of the process."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.closerange(3, 4096)
            preserved, foreign, ours = os.dup(0), os.dup(0), os.dup(0)
            os.set_inheritable(foreign, True)
            found = fds.seal(1, ours)
            right = found == [foreign] and os.get_inheritable(preserved) and not os.get_inheritable(foreign)
            status = 0 if right else 2
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def test_sockets_of_a_service_manager_are_announced_to_number_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "2")
    process: dict[str, object] = {"env": ["A=b"]}
    fds.announce_listeners(process)
    assert process["env"] == ["A=b", "LISTEN_FDS=2", "LISTEN_PID=1"]


def test_an_executed_process_gets_no_sockets_of_a_service_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "2")
    assert fds.check_preserved(1, {3}, listening=0) == 1
