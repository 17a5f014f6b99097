"""The text format."""

from engine.metrics.exposition import number, sample, single, timer
from engine.metrics.timers import Timer


def test_numbers_are_as_go_prints_them() -> None:
    assert [number(value) for value in (3.0, 0.005, 7)] == ["3", "0.005", "7"]


def test_labels_are_sorted_and_escaped() -> None:
    assert sample("x", 1, {"b": 'a"\\\n', "a": ""}) == 'x{a="",b="a\\"\\\\\\n"} 1'


def test_a_family_of_one() -> None:
    assert list(single("x", "gauge", "Text", 2)) == ["# HELP x Text", "# TYPE x gauge", "x 2"]


def test_a_histogram_ends_with_sum_and_count() -> None:
    found = Timer("action", ("start",))
    found.durations["start"].observe(0.5)
    lines = list(timer("x_seconds", "Text", found))
    assert lines[1] == "# TYPE x_seconds histogram"
    assert 'x_seconds_bucket{action="start",le="0.25"} 0' in lines
    assert lines[-3:] == [
        'x_seconds_bucket{action="start",le="+Inf"} 1',
        'x_seconds_sum{action="start"} 0.5',
        'x_seconds_count{action="start"} 1',
    ]
