"""Which program it is, and how failures are told."""

import pytest

from shim.args import parse
from shim.cli import describe, run


def test_the_version_needs_no_namespace(capsys: pytest.CaptureFixture[str]) -> None:
    """In containerd's form: callers look for the number."""
    assert run("containerd-shim-wherry-v2", parse(["-v"])) == 0
    assert capsys.readouterr().out.startswith("containerd-shim-wherry-v2:\n  Version:  ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-id", "x", "start"], "shim namespace cannot be empty"),
        (["-namespace", "n", "dance"], "unknown action 'dance'"),
    ],
)
def test_a_failure_is_one_line_and_status_one(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """containerd shows it."""
    assert run("shim", parse(words)) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"shim: {message}\n")


def test_errors_of_the_system_name_their_file() -> None:
    """The call's name says less."""
    assert describe(FileNotFoundError(2, "No such file or directory", "/x")) == "/x: No such file or directory"
    assert describe(KeyError()) == "KeyError"
