"""Signals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.containers.signals import parse_signal
from proto.errdefs import InvalidArgument


@pytest.mark.parametrize(("text", "number"), [("TERM", 15), ("sigkill", 9), ("1", 1), ("RTMIN+1", 35), ("CLD", 17)])
def test_spellings(text: str, number: int) -> None:
    assert parse_signal(text) == number


@pytest.mark.parametrize("text", ["", "FOO", "0", "00", "²", "SIGSIGTERM"])
def test_what_is_no_signal(text: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^invalid signal: {text}$"):
        parse_signal(text)


@pytest.mark.parametrize("text", ["65", "-9", "999999999999"])
def test_a_number_that_linux_has_no_signal_for(text: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^the linux daemon does not support signal {text}$"):
        parse_signal(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("USR1", 10),
        ("SIGUSR2", 12),
        ("PIPE", 13),
        ("STKFLT", 16),
        ("CHLD", 17),
        ("STOP", 19),
        ("WINCH", 28),
        ("IO", 29),
        ("PWR", 30),
        ("SYS", 31),
        ("RTMIN", 34),
        ("RTMIN+15", 49),
        ("RTMAX-14", 50),
        ("RTMAX", 64),
        ("64", 64),
        ("IOT", 6),
        ("POLL", 29),
    ],
)
def test_the_kernels_numbers(text: str, number: int) -> None:
    """moby/sys/signal knows the same names."""
    assert parse_signal(text) == number


@pytest.mark.parametrize(
    "text", ["RTMIN+16", "RTMAX-15", "RTMIN-1", " TERM", "TERM ", "TERM\n", "١", "+15", "15.0", "1e1"]
)
def test_what_is_almost_a_signal(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(InvalidArgument, match="invalid signal"):
        parse_signal(text)


def test_a_number_of_any_length_is_the_clients_mistake() -> None:
    """400, not 500."""
    with pytest.raises(InvalidArgument, match="does not support signal"):
        parse_signal("9" * 5000)


@given(st.text(max_size=8))
def test_whatever_is_taken_can_be_sent(text: str) -> None:
    """1 to 64; zero would only ask."""
    try:
        number = parse_signal(text)
    except InvalidArgument:
        return
    assert 1 <= number <= 64
