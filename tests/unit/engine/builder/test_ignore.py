"""`.dockerignore` as moby matches it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.builder.ignore import Ignore, read
from proto.errdefs import InvalidArgument


@pytest.mark.parametrize(
    ("patterns", "path", "excluded"),
    [
        ("*.txt", "a.txt", True),
        ("*.txt", "d/a.txt", False),
        ("**/*.txt", "d/e/a.txt", True),
        ("d", "d/e", True),
        ("/d", "d/e", True),
        ("d/", "d/e", True),
        ("*\n!a", "a", False),
        ("*\n!a", "b", True),
        ("d\n!d/keep", "d/keep", False),
        ("!a\na", "a", True),
        ("# a\n\n b ", "b", True),
        ("a/../c", "c", True),
        ("a?c", "abc", True),
        ("a[b-d]c", "acc", True),
        ("\\*", "*", True),
        ("\\*", "x", False),
        ("**", "x/y", True),
        ("..", "x", False),
    ],
)
def test_a_path_is_excluded_or_not(patterns: str, path: str, excluded: bool) -> None:
    assert Ignore(read(patterns)).excludes(path) is excluded


def test_an_excluded_folder_may_hold_what_is_wanted() -> None:
    rules = Ignore(read("d\n!d/e/f"))
    assert (rules.may_hold("d"), rules.may_hold("x"), rules.has_exclusions) == (True, False, True)


def test_a_bad_pattern_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        Ignore(read("[a"))


@given(st.text(max_size=40), st.text(alphabet="ab/*.", min_size=1, max_size=20))
def test_any_pattern_is_matched_or_refused(text: str, path: str) -> None:
    with contextlib.suppress(InvalidArgument):
        assert Ignore(read(text)).excludes(path) in (True, False)
