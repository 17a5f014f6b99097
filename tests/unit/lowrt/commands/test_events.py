"""events: intervals, and who has none."""

import pytest

from lowrt.commands.events import parse_duration
from lowrt.errors import InvalidArgument
from tests.fakes.lowrt_containers import Stage
from tests.unit.lowrt.commands.conftest import Call


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5), ("1m30s", 90), ("500ms", 0.5), ("1.5h", 5400), ("2us", 2e-6), ("3µs", 3e-6)]
)
def test_durations_are_gos(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "5x", "5s3"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid value"):
        parse_duration(text)


def test_a_stopped_container_has_no_events(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    assert lowrt("events", "--stats", "c1") == (1, "", "container with id c1 is not running\n")


def test_an_interval_must_be_positive(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    assert lowrt("events", "--interval", "0s", "c1") == (1, "", "duration interval must be greater than 0\n")
