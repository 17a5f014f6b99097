"""Filters."""

import pytest

from engine.filters import Filters
from proto.errdefs import InvalidArgument


def test_both_spellings() -> None:
    assert Filters.parse('{"a": {"x": true, "y": false}}').get("a") == ["x"]
    assert Filters.parse('{"a": ["x"]}').get("a") == ["x"]
    assert Filters.parse(None).get("a") == []


@pytest.mark.parametrize("text", ["x", "[]", '{"a": 1}'])
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid filter"):
        Filters.parse(text)


def test_labels() -> None:
    filters = Filters({"label": ["a", "b=1"]})
    assert filters.labels_match("label", {"a": "x", "b": "1"})
    assert not filters.labels_match("label", {"a": "x", "b": "2"})


def test_patterns_and_booleans() -> None:
    assert Filters({"name": ["^we"]}).pattern("name", "web")
    assert Filters({"name": ["("]}).pattern("name", "a(b")
    assert Filters({"d": ["1"]}).boolean("d") is True
    assert Filters().boolean("d") is None
    with pytest.raises(InvalidArgument):
        Filters({"d": ["maybe"]}).boolean("d")
