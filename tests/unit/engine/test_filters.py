"""Filters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert Filters({"name": ["("]}).pattern("name", "(")
    assert not Filters({"name": ["("]}).pattern("name", "a(b")
    assert Filters({"d": ["1"]}).boolean("d") is True
    assert Filters().boolean("d") is None
    with pytest.raises(InvalidArgument):
        Filters({"d": ["maybe"]}).boolean("d")


@pytest.mark.parametrize("text", ["null", '"x"', "1", '{"a": "b"}', '{"a": null}', "{"])
def test_documents_that_are_no_filters(text: str) -> None:
    """400, with dockerd's two words."""
    with pytest.raises(InvalidArgument, match=r"^invalid filter$"):
        Filters.parse(text)


def test_a_document_of_any_depth_is_the_clients_mistake() -> None:
    """400, not 500."""
    with pytest.raises(InvalidArgument):
        Filters.parse("[" * 100_000)


def test_an_empty_document_lets_everything_pass() -> None:
    """So does a filter without values."""
    for filters in (Filters.parse("{}"), Filters.parse('{"name": []}'), Filters.parse('{"name": {"x": false}}')):
        assert "name" not in filters
        assert filters.exact("name", "x")
        assert filters.pattern("name", "x")
        assert filters.labels_match("name", {})


def test_one_of_the_values_is_enough_but_every_label_must_be_there() -> None:
    """dockerd's ExactMatch and MatchKVList."""
    assert Filters({"status": ["a", "b"]}).exact("status", "b")
    assert not Filters({"status": ["a"]}).exact("status", "ab")
    assert not Filters({"label": ["a", "b"]}).labels_match("label", {"a": ""})


@pytest.mark.parametrize(
    ("word", "labels", "found"),
    [
        ("a", {"a": "1"}, True),
        ("a=1", {"a": "1"}, True),
        ("a=", {"a": "1"}, False),
        ("a=", {"a": ""}, True),
        ("a=b=c", {"a": "b=c"}, True),
        ("=x", {"": "x"}, True),
    ],
)
def test_labels_by_name_and_value(word: str, labels: dict[str, str], found: bool) -> None:
    """Only the first equals sign parts them."""
    assert Filters({"label": [word]}).labels_match("label", labels) is found


@pytest.mark.parametrize(("words", "truth"), [(["1", "true"], True), (["False"], False), (["0"], False)])
def test_booleans(words: list[str], truth: bool) -> None:
    """In either spelling."""
    assert Filters({"d": words}).boolean("d") is truth


def test_a_boolean_cannot_be_both() -> None:
    """400."""
    with pytest.raises(InvalidArgument):
        Filters({"d": ["true", "false"]}).boolean("d")


@given(st.text(max_size=10), st.text(max_size=10))
def test_every_pattern_is_one(word: str, value: str) -> None:
    """What is no regular expression is looked for as it is."""
    assert Filters({"name": [word]}).pattern("name", value) in (True, False)
    assert Filters({"name": [value]}).pattern("name", value) or value


def test_what_is_neither_true_nor_false_is_shown_as_go_shows_it() -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid filter 'dangling=\[1 0\]'$"):
        Filters({"dangling": ["1", "0"]}).boolean("dangling")
