"""Detach keys."""

import pytest

from engine.api.detach import Scanner, parse
from proto.errdefs import InvalidArgument


def test_the_default_is_ctrl_p_ctrl_q() -> None:
    assert parse("") == b"\x10\x11"
    assert parse("ctrl-a,b,ctrl-[") == b"\x01b\x1b"


@pytest.mark.parametrize("text", ["xx", "ctrl-", "ctrl-1", "a,,b"])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid detach keys"):
        parse(text)


def test_keys_are_found_over_reads_and_everything_else_passes() -> None:
    scanner = Scanner(b"\x10\x11")
    assert scanner.feed(b"ab\x10") == (b"ab", False)
    assert scanner.feed(b"c\x10") == (b"\x10c", False)
    assert scanner.feed(b"\x11rest") == (b"", True)
