"""Expressions that clients send."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import patterns
from proto.errdefs import InvalidArgument


def test_an_expression_is_found_in_one_of_the_values() -> None:
    assert patterns.found("^we", "db", "web")
    assert not patterns.found("^we$", "web")


def test_the_grammar_is_gos() -> None:
    """A look-behind is none of it; \\z is."""
    assert patterns.found(r"b\z", "web")
    with pytest.raises(InvalidArgument, match="error parsing env-regex: "):
        patterns.check("(?<=a)b", "env-regex")


@pytest.mark.parametrize("text", ["(", "(?<=a)b", "((((((((((a{1,99}){1,99}){1,99}){1,99}))))))"])
def test_what_is_no_expression_or_too_large_is_found_nowhere(text: str) -> None:
    assert not patterns.found(text, text)


@pytest.mark.parametrize("text", ["(a+)+$", "(a|aa)+$", "(a*)*b", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_no_expression_takes_longer_than_its_text(text: str) -> None:
    """Each of them is exponential for an engine that goes back."""
    begin = time.process_time()
    assert not patterns.found(text, "a" * 20_000 + "!")
    assert time.process_time() - begin < 5


@given(st.text(), st.text())
def test_any_text_may_come(text: str, value: str) -> None:
    patterns.found(text, value)


def test_half_a_character_is_no_reason_to_fall_over() -> None:
    assert not patterns.found("\ud800a", "b\ud800")


def test_a_whole_match() -> None:
    assert patterns.matches("a[^/]*", "abc")
    assert not patterns.matches("a[^/]*", "ab/c")
