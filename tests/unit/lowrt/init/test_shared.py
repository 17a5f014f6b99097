"""The thread that waits, and what the parent hears of a process that begins in its memory. Nothing is entered."""

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from lowrt.init import shared, straight
from lowrt.init.job import Job
from lowrt.spec.model import Spec
from tests.fakes.lowrt_containers import FakeCgroup

HEARD_WITHIN = 30.0


class Cgroup(FakeCgroup):
    def paths(self) -> dict[str, str]:
        return {}


def plan() -> straight.Plan:
    document = {"args": ["true"], "cwd": "/", "user": {"uid": 3}}
    job = Job(Spec({"process": document, "linux": {}}, "/bundle"), document, "c1")
    job.new_keyring = False
    made = straight.Plan(job, Cgroup())
    made.table = "kept"  # type: ignore[assignment]  # nobody looks into it
    return made


@pytest.fixture(scope="module")
def thread() -> shared.Waiting:
    """It never ends, so there is one."""
    return shared.Waiting()


def _idle(thread: shared.Waiting) -> shared.Waiting:
    end = time.monotonic() + HEARD_WITHIN
    while not thread.idle:
        assert time.monotonic() < end
        time.sleep(0.001)
    return thread


def test_the_thread_does_one_thing_after_the_other(thread: shared.Waiting) -> None:
    done = list[int]()
    for number in range(3):
        _idle(thread).do(lambda number=number: done.append(number))  # type: ignore[misc]
    _idle(thread)
    assert done == [0, 1, 2]


def _heard(thread: shared.Waiting, enter: Callable[[], Any], said: bytes = b"") -> tuple[shared.Shared, straight.Plan]:
    reading, writing = os.pipe()
    os.write(writing, said)
    used = plan()
    made = shared.Shared(used, reading, [writing], enter)
    _idle(thread).do(made.run)
    return made, used


def _child(status: int) -> tuple[int, int]:
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", f"exit {status}"], {})
    return pid, os.pidfd_open(pid)


def test_an_end_without_a_word_is_a_program_that_runs(thread: shared.Waiting) -> None:
    made, _ = _heard(thread, lambda: _child(7))
    assert made.advance(made.coming)
    assert os.waitstatus_to_exitcode(os.waitpid(made.coming.pid, 0)[1]) == 7
    made.coming.close()
    made.close()


def test_a_no_is_a_way_that_led_nowhere_and_leaves_no_process(thread: shared.Waiting) -> None:
    made, used = _heard(thread, lambda: _child(1), b"n")
    with pytest.raises(straight.Astray):
        made.advance(made.coming)
    with pytest.raises(ChildProcessError):
        os.waitpid(made.coming.pid, 0)
    assert used.table is not None
    made.coming.close()
    made.close()


def test_where_the_kernel_makes_none_it_is_not_tried_again(thread: shared.Waiting) -> None:
    def refused() -> tuple[int, int]:
        raise OSError(38, "no clone3 here")

    made, used = _heard(thread, refused)
    with pytest.raises(straight.Astray):
        made.advance(made.coming)
    assert used.table is None
    made.coming.close()
    made.close()
