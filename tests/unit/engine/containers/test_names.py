"""Names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.containers import names
from proto.errdefs import InvalidArgument


def test_a_slash_in_front_is_taken_off() -> None:
    assert names.check("/web") == "web"


@pytest.mark.parametrize("name", ["x", "-ab", "a b", "a/b", "@"])
def test_bad_names(name: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid container name"):
        names.check(name)


def test_an_invented_name_is_free_and_a_name() -> None:
    taken: set[str] = set()
    for _ in range(200):
        name = names.invent(lambda word: "x" if word in taken else None)
        assert names.check(name) not in taken
        taken.add(name)


@pytest.mark.parametrize("name", ["ab", "web-1", "a.b_c-D", "0x", "a" * 200])
def test_names_of_dockers_grammar(name: str) -> None:
    """Two characters at least, the first a letter or digit."""
    assert names.check(name) == name


def test_a_line_feed_at_the_end_is_no_part_of_a_name() -> None:
    """Go's dollar sign is the end of the text."""
    with pytest.raises(InvalidArgument):
        names.check("web\n")


@pytest.mark.parametrize("name", ["", "/", "//web", "../web", "web/", "wéb", "١٢", "web\x00", "we\nb", "_web", ".web"])
def test_names_that_lead_elsewhere_or_look_like_others(name: str) -> None:
    """Folders and hosts files are made of them."""
    with pytest.raises(InvalidArgument, match="Invalid container name"):
        names.check(name)


def test_the_refusal_is_dockers_sentence() -> None:
    """Clients show it as it is."""
    with pytest.raises(InvalidArgument) as caught:
        names.check("a b")
    assert str(caught.value) == "Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"


@given(st.text(max_size=12))
def test_whatever_is_taken_can_be_a_folder(text: str) -> None:
    """No slash, no dot first, no control character."""
    try:
        name = names.check(text)
    except InvalidArgument:
        return
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]+\n?", name)


def test_where_every_name_is_taken_there_is_still_one() -> None:
    """After eight tries it is random enough to be free."""
    asked: list[str] = []

    def owner(name: str) -> str:
        asked.append(name)
        return "somebody"

    made = names.invent(owner)
    assert len(asked) == 8
    assert made not in asked
    assert names.check(made) == made
