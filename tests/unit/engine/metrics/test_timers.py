"""Histograms of durations."""

import pytest

from engine.metrics.timers import BUCKETS, Durations, Metrics, Timer


def test_buckets_are_cumulative() -> None:
    found = Durations()
    for seconds in (0.001, 0.03, 99.0):
        found.observe(seconds)
    assert found.count == 3
    assert found.counts[0] == 1
    assert found.counts[BUCKETS.index(0.05)] == 2
    assert found.counts[-1] == 2


def test_a_failure_is_not_counted() -> None:
    timer = Timer("action", ("start",))
    with pytest.raises(ValueError, match="no"), timer.measure("start"):
        raise ValueError("no")
    with timer.measure("start"):
        pass
    assert timer.durations["start"].count == 1


async def test_what_is_awaited_is_timed_and_its_answer_passed_on() -> None:
    async def work() -> int:
        return 7

    metrics = Metrics()
    assert await metrics.network_actions.waited("allocate", work()) == 7
    assert metrics.network_actions.durations["allocate"].count == 1
