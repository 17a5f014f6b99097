"""What a command ends with."""

import pytest

from engine.cli.errors import CommandFailed, DaemonError


def test_an_error_is_printed_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, without click's own prefix."""
    CommandFailed("words").show()
    assert capsys.readouterr().err == "words\n"


def test_exit_codes_belong_to_the_error() -> None:
    """1 unless said otherwise."""
    assert CommandFailed("x").exit_code == 1
    assert CommandFailed("x", 125).exit_code == 125
    assert DaemonError("x", 500).exit_code == 1
