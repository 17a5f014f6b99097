"""Times."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(st.integers(min_value=0, max_value=253_402_300_799_999_999_999))
def test_every_moment_survives_there_and_back(moment: int) -> None:
    """To the nanosecond, until the year 9999."""
    assert timestamps.to_ns(timestamps.from_ns(moment)) == moment


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (120_000_000, "1970-01-01T00:00:00.12Z"),
        (999_999_999, "1970-01-01T00:00:00.999999999Z"),
    ],
)
def test_trailing_zeros_are_dropped_as_go_drops_them(nanoseconds: int, text: str) -> None:
    """RFC3339Nano."""
    assert timestamps.from_ns(nanoseconds) == text


def test_more_than_nine_digits_are_cut_off() -> None:
    """Nobody measures finer."""
    assert timestamps.to_ns("1970-01-01T00:00:00.1234567891Z") == 123_456_789


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("1.000000001", 1_000_000_001),
        ("1.", 1_000_000_000),
        ("1700000000.5", 1_700_000_000_500_000_000),
        ("1970-01-01T00:00:01+00:00", 1_000_000_000),
        ("1970-01-01T00:00:01", 1_000_000_000),
    ],
)
def test_moments_as_clients_send_them(text: str, nanoseconds: int) -> None:
    """Seconds with a fraction, or RFC 3339."""
    assert timestamps.since_ns(text) == nanoseconds


@pytest.mark.parametrize("text", ["x", "1e5", "1,5", "12:00", "2026-01-01T", "T", "--1", "1h30", "h", " 1"])
def test_what_is_no_moment(text: str) -> None:
    """400."""
    with pytest.raises(InvalidArgument):
        timestamps.since_ns(text)


@pytest.mark.parametrize("text", ["2026-13-01", "2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z", "0000-01-01T00:00:00Z"])
def test_a_day_that_no_calendar_has_is_the_clients_mistake(text: str) -> None:
    """400, not 500."""
    with pytest.raises(InvalidArgument):
        timestamps.since_ns(text)


def test_a_number_of_any_length_is_the_clients_mistake() -> None:
    """400, not 500."""
    with pytest.raises(InvalidArgument):
        timestamps.since_ns("9" * 5000)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1ns", 1),
        ("1us", 1000),
        ("1µs", 1000),
        ("1ms", 10**6),
        ("1m", 60 * 10**9),
        ("1h", 3600 * 10**9),
        (".5s", 5 * 10**8),
        ("1m1ms", 60_001_000_000),
        ("1h 1m", None),
        ("1", None),
        ("1d", None),
    ],
)
def test_units_of_go_durations(text: str, nanoseconds: int | None) -> None:
    """time.ParseDuration; there are no days."""
    assert timestamps.duration_ns(text) == nanoseconds
