"""The command line, as Go's flag package reads it."""

import pytest

from shim.args import UsageError, parse, server_argv, usage


def test_one_or_two_dashes_and_both_forms_of_a_value() -> None:
    """`-k v`, `--k=v` and a bare boolean."""
    parsed = parse(["-namespace", "moby", "--id=one", "-debug", "-address=/run/c.sock", "start", "ignored"])
    assert (parsed.namespace, parsed.id, parsed.address, parsed.debug) == ("moby", "one", "/run/c.sock", True)
    assert parsed.action == "start"


def test_a_value_may_begin_with_a_dash() -> None:
    """The word after a string flag is its value, whatever it looks like."""
    assert parse(["-id", "-x", "delete"]).id == "-x"


def test_without_an_action_it_is_the_server() -> None:
    """The action is empty, and so is every flag that was not given."""
    parsed = parse(["-namespace", "n"])
    assert (parsed.action, parsed.bundle, parsed.info, parsed.version) == ("", "", False, False)


@pytest.mark.parametrize("word", ["-v", "-version", "--version", "-v=true"])
def test_the_version_is_asked_for_in_three_ways(word: str) -> None:
    """1.6 knows -v, 2.x both."""
    assert parse([word]).version


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-what"], "flag provided but not defined: -what"),
        (["-id"], "flag needs an argument: -id"),
        (["---id", "x"], "bad flag syntax: ---id"),
        (["-debug=maybe"], 'invalid boolean value "maybe" for -debug: parse error'),
        (["-debug-socket", "/x"], "-debug-socket is not supported: send SIGUSR1 for a stack dump"),
    ],
)
def test_what_is_wrong_is_said_in_gos_words(words: list[str], message: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(UsageError) as error:
        parse(words)
    assert str(error.value) == message


def test_two_dashes_end_the_flags() -> None:
    """What follows is the action."""
    assert parse(["--", "start"]).action == "start"


def test_a_servers_flags_have_no_action_word() -> None:
    """As containerd's own shims show in ps."""
    parsed = parse(["-namespace", "n", "-id", "i", "-address", "a", "-debug", "start"])
    assert server_argv(parsed) == ["-namespace", "n", "-id", "i", "-address", "a", "-debug"]


def test_the_usage_names_every_flag() -> None:
    """Sorted, as Go prints it."""
    assert usage().index("-address") < usage().index("-namespace") < usage().index("-version")
