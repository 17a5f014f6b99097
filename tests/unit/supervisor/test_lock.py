"""One daemon per root."""

import os
from pathlib import Path

import pytest

from proto.errdefs import FailedPrecondition
from supervisor.lock import RootLock


def test_a_second_daemon_is_refused_by_the_pid_of_the_first(tmp_path: Path) -> None:
    first = RootLock(str(tmp_path / "lock"))
    with pytest.raises(FailedPrecondition, match=f"another daemon \\(pid {os.getpid()}\\) uses"):
        RootLock(str(tmp_path / "lock"))
    first.release()
    RootLock(str(tmp_path / "lock")).release()


def test_releasing_twice_is_fine(tmp_path: Path) -> None:
    lock = RootLock(str(tmp_path / "lock"))
    lock.release()
    lock.release()
