"""Numbers that Python knows too must agree with Python."""

import os
import signal

import pytest

from lowrt.linux import constants as c


@pytest.mark.parametrize("name", [s.name for s in signal.Signals if not s.name.startswith("SIGRT")])
def test_signals(name: str) -> None:
    assert c.SIGNALS[name.removeprefix("SIG")] == getattr(signal, name)


def test_flags() -> None:
    assert c.OPEN_TREE_CLOEXEC == os.O_CLOEXEC
    assert getattr(os, "CLONE_NEWNS", c.CLONE_NEWNS) == c.CLONE_NEWNS
    assert (c.SIGKILL, c.SIGSTOP, c.SIGCHLD) == (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD)
