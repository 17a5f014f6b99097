"""Messages: headers as the specification has them, streams cut wherever they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrt.dbus import message as m
from lowrt.dbus.message import Message, Parser, decode
from lowrt.dbus.wire import WireError


def call() -> Message:
    message = Message(m.METHOD_CALL, serial=7, signature="ss", body=("a", "b"))
    message.path, message.interface, message.member = "/x", "org.x", "Do"
    message.destination = "org.x"
    return message


# As dbus-daemon has it: Hello, whose bytes are the same in every client.
HELLO = (
    b"l\1\0\1\0\0\0\0\1\0\0\0m\0\0\0\1\1o\0\25\0\0\0/org/freedesktop/DBus\0\0\0\2\1s\0\24\0\0\0org.freedesktop.DBus\0\0\0\0"
    b"\3\1s\0\5\0\0\0Hello\0\0\0\6\1s\0\24\0\0\0org.freedesktop.DBus\0\0\0\0"
)


def test_hello_has_the_bytes_that_every_client_sends() -> None:
    hello = Message(m.METHOD_CALL, serial=1)
    hello.path, hello.member = "/org/freedesktop/DBus", "Hello"
    hello.interface = hello.destination = "org.freedesktop.DBus"
    assert hello.encode() == HELLO


def test_a_message_is_read_as_it_was_written() -> None:
    read = decode(call().encode())
    assert (read.path, read.interface, read.member, read.destination) == ("/x", "org.x", "Do", "org.x")
    assert (read.serial, read.body) == (7, ("a", "b"))


@given(st.integers(1, 50))
def test_a_stream_may_be_cut_anywhere(size: int) -> None:
    stream = call().encode() * 3
    parser, seen = Parser(), []
    for start in range(0, len(stream), size):
        seen += parser.feed(stream[start : start + size])
    assert [message.body for message in seen] == [("a", "b")] * 3


def test_unknown_header_fields_are_passed_over() -> None:
    data = bytearray(HELLO)
    data[HELLO.index(b"\6\1s")] = 99
    assert decode(bytes(data)).destination == ""


@pytest.mark.parametrize(
    ("place", "byte"),
    [(0, ord("x")), (3, 2), (8, 0), (4, 9), (17, ord("o")), (18, ord("s"))],
)
def test_a_header_that_is_wrong_is_refused(place: int, byte: int) -> None:
    data = bytearray(HELLO)
    data[place] = byte
    with pytest.raises(WireError):
        Parser().feed(bytes(data) + bytes(16))


def test_a_message_of_more_than_the_specification_allows_is_refused_before_it_is_there() -> None:
    with pytest.raises(WireError, match="message of"):
        Parser().feed(b"l\1\0\1\xff\xff\xff\x7f\1\0\0\0\0\0\0\0")


def test_a_call_without_a_member_is_refused() -> None:
    message = call()
    message.member = ""
    with pytest.raises(WireError, match="without member"):
        decode(message.encode())


@given(st.binary(max_size=300))
def test_no_bytes_give_anything_but_messages_or_that_error(data: bytes) -> None:
    try:
        Parser().feed(b"l" + data)
    except WireError:
        return
