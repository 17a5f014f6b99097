"""Times."""

import time

import pytest

from engine import timestamps
from proto.errdefs import InvalidArgument


def test_nanoseconds_survive_there_and_back() -> None:
    for moment in (0, 1, 1_700_000_000_123_456_789, 1_700_000_000_100_000_000):
        assert timestamps.to_ns(timestamps.from_ns(moment)) == moment
    assert timestamps.from_ns(1_500_000_000) == "1970-01-01T00:00:01.5Z"


def test_zones_are_understood_and_the_zero_time_is_early() -> None:
    assert timestamps.to_ns("1970-01-01T01:00:00+01:00") == 0
    assert timestamps.to_ns(timestamps.ZERO) < 0


def test_since_in_all_its_spellings() -> None:
    assert timestamps.since_ns("") == 0
    assert timestamps.since_ns("1.5") == 1_500_000_000
    assert timestamps.since_ns("1970-01-02") == 86400 * 10**9
    assert abs(timestamps.since_ns("10m") - (time.time_ns() - 600 * 10**9)) < 10**9
    with pytest.raises(InvalidArgument):
        timestamps.since_ns("yesterday")


def test_go_durations() -> None:
    assert timestamps.duration_ns("1h30m") == 5400 * 10**9
    assert timestamps.duration_ns("1.5s") == 1_500_000_000
    assert timestamps.duration_ns("x") is None
    assert timestamps.duration_ns("") is None
