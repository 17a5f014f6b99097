"""Sizes, ages and times for people."""

import time

import pytest

from engine.cli import humane
from engine.cli.errors import CommandFailed


@pytest.mark.parametrize(("count", "text"), [(0, "0B"), (999, "999B"), (1234567, "1.23MB"), (10**12, "1TB")])
def test_sizes_have_three_digits(count: int, text: str) -> None:
    """Decimal units, as docker prints them."""
    assert humane.size(count) == text


def test_binary_sizes_are_asked_for() -> None:
    """stats shows them."""
    assert humane.size(1536 * 1024, 4, binary=True) == "1.5MiB"


@pytest.mark.parametrize(
    ("text", "count"), [("512", 512), ("64m", 64 << 20), ("1.5g", 3 << 29), ("10MiB", 10 << 20), ("1kb", 1024)]
)
def test_bytes_are_read_in_binary(text: str, count: int) -> None:
    """Whatever the unit is called."""
    assert humane.parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "x", "1q", "-5"])
def test_other_sizes_are_refused(text: str) -> None:
    """With the text."""
    with pytest.raises(CommandFailed, match="invalid size"):
        humane.parse_bytes(text)


@pytest.mark.parametrize(("text", "nanoseconds"), [("1m30s", 90 * 10**9), ("500ms", 5 * 10**8), ("0", 0)])
def test_durations_are_go_s(text: str, nanoseconds: int) -> None:
    """In nanoseconds."""
    assert humane.parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "5", "1x", "s"])
def test_other_durations_are_refused(text: str) -> None:
    """A bare number has no unit."""
    with pytest.raises(CommandFailed, match="invalid duration"):
        humane.parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (47 * 3600, "47 hours"),
        (3 * 86400, "3 days"),
        (20 * 86400, "2 weeks"),
        (100 * 86400, "3 months"),
        (800 * 86400, "2 years"),
    ],
)
def test_ages_are_rough(seconds: float, text: str) -> None:
    """Docker's steps."""
    assert humane.duration(seconds) == text


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("1970-01-01T00:00:01.123456789Z", 1.123456789),
        ("1970-01-01T01:00:01+01:00", 1.0),
        ("1970-01-01T01:00:01.5+01:00", 1.5),
    ],
)
def test_times_are_rfc_3339_with_any_decimals(stamp: str, seconds: float) -> None:
    """Go prints nine of them."""
    assert humane.unix_time(stamp) == pytest.approx(seconds)


def test_long_texts_end_in_an_ellipsis() -> None:
    """Within the width."""
    assert humane.ellipsis("abcdef", 4) == "abc…"
    assert humane.ellipsis("abcd", 4) == "abcd"
    assert humane.short_id("sha256:" + "a" * 64) == "a" * 12


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-11-25T17:52:29.807Z", "2026-11-25 17:52:29.807 +0000 UTC"),
        ("2026-11-25T17:52:29+01:00", "2026-11-25 17:52:29 +0100 +0100"),
    ],
)
def test_a_time_is_printed_as_go_prints_it(stamp: str, expected: str) -> None:
    assert humane.go_time(stamp) == expected


def test_a_moment_is_printed_in_the_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for zone, plain, sortable in (
        ("UTC0", "1970-01-01 00:00:00 +0000 UTC", "1970-01-01T00:00:00Z"),
        ("CET-1", "1970-01-01 01:00:00 +0100 CET", "1970-01-01T01:00:00+01:00"),
    ):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert (humane.local_time(0), humane.rfc3339(0)) == (plain, sortable)
    monkeypatch.undo()
    time.tzset()
