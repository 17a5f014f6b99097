"""Signals."""

import pytest

from engine.containers.signals import parse_signal
from proto.errdefs import InvalidArgument


@pytest.mark.parametrize(("text", "number"), [("TERM", 15), ("sigkill", 9), ("1", 1), ("RTMIN+1", 35), ("CLD", 17)])
def test_spellings(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize("text", ["", "FOO", "0", "65", "-9", "SIGSIGTERM"])
def test_what_is_no_signal(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid signal"):
        parse_signal(text)
