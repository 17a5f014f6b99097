"""Scheduler, priorities, CPUs."""

import os

import pytest

from lowrt.errors import Fault, InvalidArgument
from lowrt.init import scheduling


def test_nothing_asked_is_nothing_done() -> None:
    scheduling.apply({}, None)


@pytest.mark.parametrize(
    ("document", "personality"),
    [
        ({"scheduler": {"policy": "SCHED_BOGUS"}}, None),
        ({"scheduler": {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_BOGUS"]}}, None),
        ({"ioPriority": {"class": "IOPRIO_CLASS_BOGUS"}}, None),
        ({}, {"domain": "SUNOS"}),
    ],
)
def test_unknown_words_are_refused(document: dict[str, object], personality: dict[str, str] | None) -> None:
    with pytest.raises(InvalidArgument, match="invalid "):
        scheduling.apply(document, personality)


@pytest.mark.parametrize(("text", "cpus"), [("0", {0}), ("0-2", {0, 1, 2}), ("0,2-3", {0, 2, 3}), (" 1 , 4", {1, 4})])
def test_cpu_lists(text: str, cpus: set[int]) -> None:
    assert scheduling._parse_cpus(text) == cpus


@pytest.mark.parametrize("text", ["", "x", "1-", "1-4294967295", "-1"])
def test_cpu_lists_that_are_none_are_refused(text: str) -> None:
    """CVE-2018-20699: nor may a short text ask for four thousand million CPUs."""
    with pytest.raises(Fault, match="error setting CPU affinity"):
        scheduling.set_affinity(0, text)


def test_affinity_is_set_and_reset() -> None:
    before = os.sched_getaffinity(0)
    try:
        scheduling.set_affinity(0, str(min(before)))
        assert os.sched_getaffinity(0) == {min(before)}
        scheduling.reset_affinity(0)
        assert os.sched_getaffinity(0) >= before
    finally:
        os.sched_setaffinity(0, before)


def test_a_batch_scheduler_and_an_io_priority_are_accepted_by_the_kernel() -> None:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            priority = {"class": "IOPRIO_CLASS_BE", "priority": 5}
            scheduling.apply(
                {"scheduler": {"policy": "SCHED_BATCH", "nice": 3}, "ioPriority": priority}, {"domain": "LINUX"}
            )
            status = 0 if os.sched_getscheduler(0) == os.SCHED_BATCH else 2
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
