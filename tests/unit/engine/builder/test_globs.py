"""Patterns as Go's, beside another implementation of moby's, and in time that does not explode."""

import contextlib
import time

import pytest
from e2b_dockerfile_utils import PatternMatcher
from hypothesis import given
from hypothesis import strategies as st

from engine.builder import globs
from engine.builder.ignore import Ignore
from proto.errdefs import InvalidArgument


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "a", True),
        ("a?c", "abc", True),
        ("[a-c]x", "bx", True),
        ("[^a]x", "ax", False),
        ("\\*", "*", True),
        ("a.c", "abc", False),
    ],
)
def test_patterns_are_gos(pattern: str, name: str, matches: bool) -> None:
    assert globs.source(pattern)(name) is matches


@pytest.mark.parametrize("pattern", ["[", "[a", "[z-a]"])
def test_a_bad_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidArgument):
        globs.source(pattern)


_PATTERNS = st.lists(
    st.sampled_from(["a", "b", "*", "**", "/", "?", "[ab]", "[^a]", "!", ".", "a/", "**/"]), max_size=6
)
_PATHS = st.lists(st.sampled_from(["a", "b", "ab", "a.b"]), min_size=1, max_size=4).map("/".join)


@given(st.lists(_PATTERNS.map("".join), max_size=4), st.lists(_PATHS, min_size=1, max_size=5))
def test_dockerignore_means_what_another_implementation_of_it_says(patterns: list[str], paths: list[str]) -> None:
    with contextlib.suppress(InvalidArgument):
        ours = Ignore(patterns)
        theirs = PatternMatcher(patterns)
        for path in paths:
            assert ours.excludes(path) is theirs.matches(path), (patterns, path)
            assert ours.may_hold(path) is theirs.may_match_under(path), (patterns, path)


@pytest.mark.parametrize(("path", "excluded"), [("b", True), ("ab", True), ("a/ab", True), ("ba", False)])
def test_two_stars_before_a_plain_end_compare_the_end_alone(path: str, excluded: bool) -> None:
    assert Ignore(["**b"]).excludes(path) is excluded


def test_patterns_of_stars_take_no_time() -> None:
    begin = time.monotonic()
    Ignore(["a*" * 30 + "b", "**/" * 20 + "x"]).excludes("a" * 60 + "/" + "a/" * 30 + "a")
    globs.source("*a" * 30 + "b")("a" * 200)
    assert time.monotonic() - begin < 20
