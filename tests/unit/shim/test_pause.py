"""The pause process, without namespaces that only root can make; those are in the contract of the controllers."""

import os
import select
import signal

import pytest

from shim.pause import Pause, PauseError


def ended(pidfd: int) -> bool:
    """Whether a process ends soon; it is no child of ours."""
    return bool(select.select([pidfd], [], [], 30)[0])


@pytest.fixture
def pause() -> tuple[int, int, int]:
    pid, lifeline = Pause({}).start()
    return pid, lifeline, os.pidfd_open(pid)


def test_it_ends_by_sigterm(pause: tuple[int, int, int]) -> None:
    """Whoever started it has the other end of its lifeline all the while."""
    pid, lifeline, pidfd = pause
    with open(f"/proc/{pid}/comm") as file:
        assert file.read() in ("pause\n", "python\n", "pytest\n")  # by the first of these, a moment later
    os.kill(pid, signal.SIGTERM)
    assert ended(pidfd)
    os.close(lifeline)
    os.close(pidfd)


def test_it_does_not_outlive_its_shim(pause: tuple[int, int, int]) -> None:
    """The end of the lifeline is the end of whoever held it."""
    _, lifeline, pidfd = pause
    os.close(lifeline)
    assert ended(pidfd)
    os.close(pidfd)


def test_namespaces_that_a_sandbox_cannot_hold_are_refused_by_name() -> None:
    """As is a hostname for which there is no place."""
    with pytest.raises(PauseError, match="type mount, time"):
        Pause({"time": "", "mount": "", "ipc": ""})
    with pytest.raises(PauseError, match="UTS namespace"):
        Pause({"ipc": ""}, "name")


def test_what_fails_in_its_helper_is_told() -> None:
    """And nothing of it is left."""
    with pytest.raises(PauseError, match="No such file or directory: '/nowhere/ns'"):
        Pause({"network": "/nowhere/ns"}).start()
