"""Variables: every form of `${…}`, and which value an argument has."""

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.builder.variables import Arguments, Expander, platform_arguments, split_pair
from engine.images.platform import Platform
from proto.errdefs import InvalidArgument

_KNOWN = {"A": "x", "E": "", "S": "a b"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$A-$N", "x-"),
        ("${A}b", "xb"),
        ("${A:-d}${N:-d}${E:-d}", "xdd"),
        ("${N-d}${E-d}", "d"),
        ("${A:+y}${N:+y}${E:+y}", "y"),
        ("${N:-${A}}", "x"),
        ("\\$A", "$A"),
        ("'$A'\"$A\"", "$Ax"),
        ("$", "$"),
        ("${A#x}${S%b}", "a "),
    ],
)
def test_a_word_is_expanded(text: str, wanted: str) -> None:
    assert Expander("\\", _KNOWN).word(text) == wanted


@pytest.mark.parametrize("text", ["${", "${A", "${A:x}", "'a", "${N:?gone}"])
def test_a_bad_substitution_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        Expander("\\", _KNOWN).word(text)


def test_variables_may_bring_words() -> None:
    assert Expander("\\", _KNOWN).words("$S '$S c'") == ["a", "b", "$S c"]


@given(st.text(max_size=60))
def test_any_word_is_expanded_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidArgument):
        assert isinstance(Expander("`", _KNOWN).word(text), str)


@given(st.text(alphabet=st.characters(blacklist_characters="$\\\"'<", blacklist_categories=("Cs",)), max_size=40))
def test_a_word_without_signs_stays_as_it_is(text: str) -> None:
    assert Expander("\\", _KNOWN).word(text) == text


def test_a_given_value_goes_before_the_default_and_counts_only_when_declared() -> None:
    arguments = Arguments({"A": "given", "B": "given", "HTTP_PROXY": "p"}, {"M": "meta"})
    arguments.declare("A", "default")
    arguments.declare("C", "default")
    arguments.declare("M", None)
    arguments.declare("N", None)
    assert arguments.all() == {"A": "given", "C": "default", "M": "meta", "HTTP_PROXY": "p"}


def test_history_does_not_tell_of_proxies_nor_of_what_env_overrides() -> None:
    arguments = Arguments({"https_proxy": "p"})
    arguments.declare("B", "2")
    arguments.declare("A", "1")
    assert arguments.shown(["B"]) == ["A=1"]


def test_platforms_are_arguments() -> None:
    found = platform_arguments(Platform("linux", "arm64", "v8"), "")
    assert (found["TARGETPLATFORM"], found["BUILDVARIANT"]) == ("linux/arm64/v8", "v8")
    assert (found["TARGETSTAGE"], platform_arguments(Platform("linux", "arm64"), "x")["TARGETSTAGE"]) == (
        "default",
        "x",
    )


def test_what_a_word_is_refused_for_is_said_in_dockers_words() -> None:
    for word, why in (("${x:?gone}", "x: gone"), ("${v:^}", "unsupported modifier (:^) in substitution")):
        with pytest.raises(InvalidArgument, match=re.escape(f'failed to process "{word}": {why}')):
            Expander("\\", {}).word(word)


def test_a_pair_without_a_value_has_none() -> None:
    assert (split_pair("a=b=c"), split_pair("a"), split_pair("a=")) == (("a", "b=c"), ("a", None), ("a", ""))


@pytest.mark.parametrize("form", ["##{0}b", "#{0}b", "%%b{0}", "%b{0}", "/{0}b/q", "//{0}b/q"])
def test_no_pattern_takes_longer_than_its_value_is_long(form: str) -> None:
    begin = time.monotonic()
    text = form.format("*a" * 25)
    assert Expander("\\", {"X": "a" * 5000}).word(f"${{X{text}}}") == "a" * 5000
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${X#f*o}", "obar/foo"), ("${X##f*o}", ""), ("${X%/*}", "foobar"), ("${X%%o*}", "f"),
        ("${X/foo/é}", "ébar/foo"),
        ("${X//foo/q}", "qbar/q"), ("${X#?}", "oobar/foo"), ("${E#x}", ""), ("${X/o*/}", "f"),
    ],
)  # fmt: skip
def test_patterns_cut_and_replace_as_in_a_shell(text: str, expected: str) -> None:
    assert Expander("\\", {"X": "foobar/foo"}).word(text) == expected
