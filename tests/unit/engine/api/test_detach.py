"""Detach keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("ctrl-@", b"\x00"),
        ("ctrl-a", b"\x01"),
        ("ctrl-z", b"\x1a"),
        ("ctrl-[", b"\x1b"),
        ("ctrl-\\", b"\x1c"),
        ("ctrl-]", b"\x1d"),
        ("ctrl-^", b"\x1e"),
        ("ctrl-_", b"\x1f"),
        ("DEL", b"\x7f"),
        ("a", b"a"),
        ("Z,9,~", b"Z9~"),
    ],
)
def test_every_key_there_is(text: str, keys: bytes) -> None:
    """moby/term's table."""
    assert parse(text) == keys


@pytest.mark.parametrize("text", ["ctrl-A", "CTRL-a", "ctrl-aa", "é", "ctrl-p ctrl-q", ",", "ctrl-p,", "\x01"])
def test_more_that_is_no_key(text: str) -> None:
    """The whole text is in the refusal."""
    with pytest.raises(InvalidArgument) as caught:
        parse(text)
    assert str(caught.value).startswith(f"Invalid detach keys ({text}) provided")


@given(st.binary(max_size=40), st.integers(1, 7))
def test_whatever_is_no_key_arrives_in_order_and_whole(data: bytes, step: int) -> None:
    """However it is cut; what is held back is the beginning of the keys."""
    keys = b"\x10\x11"
    scanner, passed, pressed = Scanner(keys), b"", False
    for at in range(0, len(data), step):
        piece, pressed = scanner.feed(data[at : at + step])
        passed += piece
        if pressed:
            break
    if pressed:
        assert passed == data[: data.index(keys)]
    else:
        assert passed in (data, data.removesuffix(b"\x10"))


def test_a_broken_off_beginning_is_not_looked_at_again() -> None:
    """ctrl-p ctrl-p ctrl-q does not leave: moby/term begins anew behind the key that did not fit."""
    assert Scanner(b"\x10\x11").feed(b"\x10\x10\x11") == (b"\x10\x10\x11", False)


def test_a_single_key_leaves_at_once() -> None:
    """Nothing is held back."""
    assert Scanner(b"\x01").feed(b"ab\x01c") == (b"ab", True)
