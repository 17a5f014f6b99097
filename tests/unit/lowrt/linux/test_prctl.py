"""prctl(2), in children: what it sets stays set."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lowrt.linux import prctl


def in_child(work: Callable[[], bool]) -> bool:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if work() else 1
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def status(field: str) -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split(":")[1].strip() for line in lines if line.startswith(field))


def test_no_new_privs() -> None:
    def work() -> bool:
        prctl.set_no_new_privs()
        return status("NoNewPrivs") == "1"

    assert in_child(work)


def test_a_name_is_cut_to_what_fits() -> None:
    def work() -> bool:
        prctl.set_name("a-name-that-is-too-long")
        return Path("/proc/self/comm").read_text() == "a-name-that-is-\n"

    assert in_child(work)


def test_the_rest_is_accepted() -> None:
    def work() -> bool:
        prctl.set_dumpable(False)
        prctl.set_keep_caps(True)
        prctl.set_keep_caps(False)
        prctl.set_child_subreaper()
        prctl.set_parent_death_signal(9)
        prctl.set_parent_death_signal(0)
        return True

    assert in_child(work)


def test_an_unknown_option_is_an_error() -> None:
    with pytest.raises(OSError, match="prctl: Invalid argument"):
        prctl.prctl(0x7FFFFFFF)
