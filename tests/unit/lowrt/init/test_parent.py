"""The parent's side, with children that say what a test wants them to."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lowrt.errors import Fault
from lowrt.init import parent, sync
from lowrt.init.job import Job
from lowrt.init.parent import Dance, Forked
from lowrt.init.sync import Channel, Message
from lowrt.spec.model import Spec
from tests.fakes.lowrt_containers import FakeCgroup, ListLog

Sequence = Callable[[Job, Channel], None]


def job() -> Job:
    document = {"args": ["x"], "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 9, "hard": 9}]}
    return Job(Spec({"process": document}, "/bundle"), document, "c1")


class NoCgroup(FakeCgroup):
    def clone_fd(self) -> int:
        return -1


def dance(sequence: Sequence, order: dict[str, tuple[str, ...]] = sync.EXEC_ORDER) -> tuple[list[str], ListLog]:
    """Lead one child; the words that the parent acted on."""
    seen: list[str] = []
    log = ListLog()
    steps = {kind: lambda kind=kind: seen.append(kind) for kind in (sync.PREPARED, sync.READY)}
    led = Dance(job(), log, order, steps, lambda: seen.append("meanwhile"))
    forked = led.fork(0, sequence, NoCgroup())  # type: ignore[arg-type]
    try:
        led.lead(forked)
    finally:
        forked.kill()
        forked.close()
    return seen, log


def test_a_child_that_keeps_the_order_is_led_to_the_end() -> None:
    def child(_: Job, channel: Channel) -> None:
        channel.await_proceed()
        channel.send(Message(sync.WARNING, "mind"))
        channel.ask(Message(sync.PREPARED))
        channel.ask(Message(sync.READY))
        os._exit(0)

    seen, log = dance(child, sync.CREATE_ORDER)
    assert seen == ["prepared", "meanwhile", "ready"]
    assert log.lines == [("warning", "mind")]


def test_the_childs_own_words_are_raised() -> None:
    def child(_: Job, channel: Channel) -> None:
        channel.await_proceed()
        raise Fault("what went wrong")

    with pytest.raises(Fault, match="what went wrong"):
        dance(child)


def test_what_fails_before_ready_of_create_has_runcs_preface() -> None:
    def child(_: Job, channel: Channel) -> None:
        channel.await_proceed()
        raise Fault("no room")

    with pytest.raises(Fault) as caught:
        dance(child, sync.CREATE_ORDER)
    assert str(caught.value) == "error during container init: no room"


def test_a_defect_in_the_child_is_told_with_its_place() -> None:
    def child(_: Job, channel: Channel) -> None:
        channel.await_proceed()
        raise KeyError("x")

    with pytest.raises(Fault, match=r"internal error: KeyError: 'x' \(test_parent.py:\d+\)"):
        dance(child)


def test_a_child_that_dies_early_is_missed() -> None:
    def child(_: Job, channel: Channel) -> None:
        channel.await_proceed()
        os._exit(0)

    with pytest.raises(Fault, match="container init died"):
        dance(child)


def test_a_child_that_is_killed_before_it_hears_us() -> None:
    def child(_: Job, __: Channel) -> None:
        os.kill(os.getpid(), 9)

    with pytest.raises(Fault, match="container init died"):
        dance(child)


def test_forked_kills_and_reaps() -> None:
    child = subprocess.Popen(["sleep", "30"])
    forked = Forked(child.pid, os.pidfd_open(child.pid))
    forked.kill()
    forked.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(child.pid, 0)
    child.returncode = -9


def test_an_oom_score_that_is_right_is_not_written() -> None:
    own = int(Path("/proc/self/oom_score_adj").read_text())
    parent.set_oom_score(os.getpid(), own)
    parent.set_oom_score(os.getpid(), None)


def test_an_impossible_oom_score_is_told() -> None:
    with pytest.raises(Fault, match="failed to update /proc/"):
        parent.set_oom_score(os.getpid(), 100_000)


def test_explanations_name_the_step_and_oom_kills_outrank_all() -> None:
    assert str(parent.explain(Fault("x"), 0)) == "unable to start container process: x"
    assert "container init was OOM-killed" in str(parent.explain(Fault("x"), 1))
