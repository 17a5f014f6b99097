"""One verb for many names."""

import pytest

from engine.cli.each import for_each
from engine.cli.errors import DaemonError, ExitWith


def test_names_done_are_printed_and_a_failure_does_not_stop_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with 1 all the same."""

    def act(name: str) -> None:
        if name == "b":
            raise DaemonError("no b", 404)

    with pytest.raises(ExitWith) as caught:
        for_each(["a", "b", "c"], act)
    assert caught.value.exit_code == 1
    printed = capsys.readouterr()
    assert printed.out == "a\nc\n"
    assert printed.err == "Error response from daemon: no b\n"


def test_all_well_ends_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    """With `quiet`, the act prints what there is."""
    for_each(["a"], lambda _: None, quiet=True)
    assert capsys.readouterr().out == ""
