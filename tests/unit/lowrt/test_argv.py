"""Options as Go's flag package reads them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrt.argv import Grammar, Option, check_count, parse, usage
from lowrt.errors import Usage

GRAMMAR = Grammar(
    "do it",
    (
        Option("bundle", "text", "the bundle", short="b"),
        Option("force", "bool", "by force", short="f"),
        Option("env", "texts", "variables", short="e"),
        Option("preserve-fds", "number", "how many"),
        Option("format", "text", "", default="table"),
    ),
    count=(1, 2),
)


@pytest.mark.parametrize("words", [["-b", "x"], ["--b", "x"], ["-bundle", "x"], ["--bundle=x"], ["-bundle=x"]])
def test_one_dash_is_as_good_as_two(words: list[str]) -> None:
    values, arguments = parse(GRAMMAR, [*words, "id"])
    assert (values.text("bundle"), arguments) == ("x", ["id"])


def test_options_may_follow_arguments() -> None:
    values, arguments = parse(GRAMMAR, ["id", "--force"])
    assert values.flag("force")
    assert arguments == ["id"]


def test_options_stop_at_the_first_argument_where_they_must() -> None:
    grammar = Grammar("run it", GRAMMAR.options, interspersed=False)
    values, arguments = parse(grammar, ["-f", "id", "ls", "-e"])
    assert (values.flag("force"), arguments) == (True, ["id", "ls", "-e"])


def test_two_dashes_end_the_options() -> None:
    assert parse(GRAMMAR, ["-f", "--", "-b", "--"])[1] == ["-b", "--"]


def test_a_lone_dash_is_an_argument() -> None:
    assert parse(GRAMMAR, ["-"])[1] == ["-"]


def test_repeated_texts_are_collected_and_commas_kept() -> None:
    assert parse(GRAMMAR, ["-e", "A=1,2", "--env=B="])[0].texts("env") == ["A=1,2", "B="]


def test_defaults_hold_and_what_is_given_is_known() -> None:
    values, _ = parse(GRAMMAR, ["-f=false"])
    assert (values.text("format"), values.flag("force"), values.number("preserve-fds")) == ("table", False, 0)
    assert values.given("force")
    assert not values.given("bundle")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nope"], "flag provided but not defined: -nope"),
        (["--bundle"], "flag needs an argument: -bundle"),
        (["--force=maybe"], 'invalid boolean value "maybe" for -force: parse error'),
        (["--preserve-fds", "x"], 'invalid value "x" for flag -preserve-fds: parse error'),
        (["--preserve-fds", "٣"], 'invalid value "٣" for flag -preserve-fds: parse error'),
    ],
)
def test_a_wrong_option_is_named(words: list[str], message: str) -> None:
    with pytest.raises(Usage) as caught:
        parse(GRAMMAR, words)
    assert str(caught.value) == message
    assert caught.value.headline == f"Incorrect Usage: {message}"


@given(st.lists(st.text(max_size=8), max_size=6))
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    with contextlib.suppress(Usage):
        parse(GRAMMAR, words)


@pytest.mark.parametrize(
    ("count", "arguments", "message"),
    [
        ((1, 1), [], '"go" requires exactly 1 argument(s)'),
        ((1, 2), [], '"go" requires a minimum of 1 argument(s)'),
        ((1, 2), ["a", "b", "c"], '"go" requires a maximum of 2 argument(s)'),
        ((1, None), [], '"go" requires a minimum of 1 argument(s)'),
    ],
)
def test_arguments_are_counted(count: tuple[int, int | None], arguments: list[str], message: str) -> None:
    with pytest.raises(Usage, match=r"lowrt: ") as caught:
        check_count(Grammar("", count=count), "lowrt", "go", arguments)
    assert str(caught.value) == f"lowrt: {message}"


def test_help_lists_the_options_that_have_a_text() -> None:
    text = usage("lowrt", "go", GRAMMAR)
    assert "   lowrt go - do it" in text
    assert "--bundle value, -b value  the bundle" in text
    assert "--format" not in text
