"""One connection: messages in frames both ways, windows that bound memory, and servers that speak something else."""

import asyncio
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.buildkit import hpack
from engine.buildkit.call import STREAM_WINDOW, Call
from engine.buildkit.http2 import Connection
from proto.errdefs import Cancelled, Internal, NotFound, ResourceExhausted, Unavailable

_DATA, _HEADERS, _RESET, _SETTINGS, _PUSH, _PING, _GOAWAY, _WINDOW, _CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9


class Wire(asyncio.Transport):
    """What a connection writes, as frames."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.unread = 0

    def is_reading(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.unread

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def frames(self) -> list[tuple[int, int, int, bytes]]:
        """Kind, flags, stream and payload of each; forgotten then."""
        data, self.written = self.written, b""
        data = data.removeprefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        found = []
        while data:
            size = int.from_bytes(data[:3], "big")
            found.append((data[3], data[4], int.from_bytes(data[5:9], "big"), data[9 : 9 + size]))
            data = data[9 + size :]
        return found


def _frame(kind: int, flags: int, number: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + number.to_bytes(4, "big") + payload


def _message(data: bytes) -> bytes:
    return struct.pack(">BI", 0, len(data)) + data


def _trailers(number: int, status: str = "0", message: str = "") -> bytes:
    headers = [("grpc-status", status), *([("grpc-message", message)] if message else [])]
    return _frame(_HEADERS, 5, number, hpack.encode(headers))


def _made() -> tuple[Connection, Wire, list[bool]]:
    ends: list[bool] = []
    connection, wire = Connection(lambda: ends.append(True), lambda: None), Wire()
    connection.connection_made(wire)
    return connection, wire, ends


def _called() -> tuple[Connection, Wire, Call]:
    connection, wire, _ = _made()
    call = connection.open("/service/Method", [("key", "value")])
    wire.frames()
    return connection, wire, call


async def test_it_speaks_first_and_a_calls_headers_say_what_is_called() -> None:
    connection, wire, _ = _made()
    connection.open("/service/Method", [("key", "value")])

    settings, window, headers = wire.frames()
    assert (settings[0], window[0]) == (_SETTINGS, _WINDOW)
    found = hpack.Decoder().decode(headers[3])
    assert headers[:3] == (_HEADERS, 4, 1)
    assert (":path", "/service/Method") in found
    assert ("key", "value") in found


@given(st.lists(st.binary(max_size=50), max_size=8), st.lists(st.integers(1, 40), max_size=30))
def test_messages_are_found_however_they_are_cut(messages: list[bytes], cuts: list[int]) -> None:
    async def check() -> None:
        connection, _, call = _called()
        data = b"".join(map(_message, messages))
        wire = b""
        for cut in [*cuts, len(data)]:
            wire += _frame(_DATA, 0, 1, data[:cut])
            data = data[cut:]
        wire += _trailers(1)
        for place in range(0, len(wire), 7):
            connection.data_received(wire[place : place + 7])
        found = []
        while some := await call.receive():
            found += some
        assert found == messages

    asyncio.run(check())


async def test_a_status_is_a_fault_with_the_servers_words() -> None:
    connection, _, call = _called()
    connection.data_received(_frame(_DATA, 0, 1, _message(b"before")) + _trailers(1, "5", "no s%C3%A9cret"))

    assert await call.receive() == [b"before"]
    with pytest.raises(NotFound, match="no sécret"):
        await call.receive()


@pytest.mark.parametrize(
    "data",
    [
        _frame(_HEADERS, 4, 1, hpack.encode([(":status", "503")])),
        _frame(_HEADERS, 5, 1, hpack.encode([(":status", "200")])),
        _frame(_DATA, 1, 1),
        _frame(_RESET, 0, 1, struct.pack(">I", 8)),
        _frame(_GOAWAY, 0, 0, struct.pack(">II", 0, 0)),
    ],
    ids=["HTTP status", "no gRPC status", "data's end", "reset", "goes away"],
)
async def test_a_call_that_ends_badly_fails(data: bytes) -> None:
    connection, _, call = _called()
    connection.data_received(data)

    with pytest.raises(Exception, match=r"\w") as caught:
        await call.receive()
    assert type(caught.value).__name__ in ("Internal", "Unavailable", "Fault")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        _frame(_PUSH, 4, 1, b"\0\0\0\2"),
        _frame(_CONTINUATION, 4, 1),
        _frame(_HEADERS, 0, 1) + _frame(_PING, 0, 0, b"12345678"),
        _frame(_HEADERS, 4, 1, b"\xff"),
        _frame(_HEADERS, 0, 1, b"x" * 65000) + _frame(_CONTINUATION, 0, 1, b"x" * 65000),
        _frame(_DATA, 8, 1, b"\x05abc"),
        _frame(_WINDOW, 0, 0, b"\x7f\xff\xff\xff") + _frame(_WINDOW, 0, 0, b"\x7f\xff\xff\xff"),
        _frame(_WINDOW, 0, 1, b"\x7f\xff\xff\xff"),
        _frame(_WINDOW, 0, 0, b"\x00"),
        _frame(_SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31)),
        _frame(_SETTINGS, 0, 0, b"odd"),
        _frame(_RESET, 0, 1, b""),
        _frame(_GOAWAY, 0, 0, b""),
    ],
)
async def test_what_is_not_http2_ends_the_connection_and_its_calls(data: bytes) -> None:
    connection, wire, call = _called()
    connection.data_received(data)

    assert wire.closed
    with pytest.raises(Internal, match="HTTP/2"):
        await call.receive()


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(data: bytes) -> None:
    async def check() -> None:
        connection, _, _ = _called()
        connection.data_received(data)

    asyncio.run(check())


async def test_a_server_that_ignores_the_window_is_cut_off() -> None:
    connection, wire, _ = _called()
    for _ in range(STREAM_WINDOW // (1 << 19) + 1):
        connection.data_received(_frame(_DATA, 0, 1, _message(b"x" * (1 << 19))))

    assert wire.closed


async def test_what_is_taken_opens_the_window_again_and_a_message_larger_than_it_comes_through() -> None:
    connection, wire, call = _called()
    data = _message(b"y" * (STREAM_WINDOW + (4 << 20)))
    room = STREAM_WINDOW
    while data:
        assert room > 0
        size = min(room, 1 << 19)
        connection.data_received(_frame(_DATA, 0, 1, data[:size]))
        data, room = data[size:], room - len(data[:size])
        room += sum(int.from_bytes(frame[3], "big") for frame in wire.frames() if frame[0] == _WINDOW and frame[2] == 1)

    assert [len(message) for message in await call.receive()] == [STREAM_WINDOW + (4 << 20)]


@pytest.mark.parametrize("head", [struct.pack(">BI", 0, 17 << 20), struct.pack(">BI", 1, 3) + b"abc"])
async def test_a_message_that_is_too_large_or_compressed_is_refused(head: bytes) -> None:
    connection, wire, call = _called()
    connection.data_received(_frame(_DATA, 0, 1, head))

    with pytest.raises(ResourceExhausted):
        await call.receive()
    assert [frame[0] for frame in wire.frames()] == [_RESET]


async def test_sending_waits_for_the_peers_window_and_keeps_messages_apart() -> None:
    connection, wire, call = _called()
    connection.data_received(_frame(_SETTINGS, 0, 0, struct.pack(">HI", 4, 10) + struct.pack(">HI", 5, 1 << 14)))
    wire.frames()
    sending = [asyncio.ensure_future(call.send(letter * 20)) for letter in (b"a", b"b")]
    sent = b""
    while not all(task.done() for task in sending):
        for _ in range(5):
            await asyncio.sleep(0)
        frames = wire.frames()
        sent += b"".join(frame[3] for frame in frames)
        connection.data_received(_frame(_WINDOW, 0, 1, struct.pack(">I", 7)))
    sent += b"".join(frame[3] for frame in wire.frames())

    assert sent == _message(b"a" * 20) + _message(b"b" * 20)


async def test_sending_waits_while_the_socket_is_full() -> None:
    connection, wire, call = _called()
    connection.pause_writing()
    sending = asyncio.ensure_future(call.send(b"x"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert (sending.done(), wire.frames()) == (False, [])
    connection.resume_writing()
    await sending
    assert wire.frames()[0][3] == _message(b"x")


async def test_pings_and_settings_are_answered_and_acknowledgements_are_not() -> None:
    connection, wire, _ = _called()
    connection.data_received(_frame(_PING, 0, 0, b"12345678") + _frame(_PING, 1, 0, b"12345678"))
    connection.data_received(_frame(_SETTINGS, 0, 0) + _frame(_SETTINGS, 1, 0) + _frame(0x42, 0, 0, b"unknown"))

    assert [frame[:2] for frame in wire.frames()] == [(_PING, 1), (_SETTINGS, 1)]


async def test_a_peer_that_asks_and_never_reads_is_cut_off() -> None:
    connection, wire, _ = _called()
    wire.unread = 64 << 20
    connection.data_received(_frame(_PING, 0, 0, b"12345678"))

    assert wire.closed


async def test_the_connections_end_is_every_calls_end() -> None:
    connection, wire, ends = _made()
    call = connection.open("/a/B", [])
    waiting = asyncio.ensure_future(call.receive())
    await asyncio.sleep(0)
    connection.connection_lost(None)

    with pytest.raises(Unavailable, match="gone"):
        await waiting
    with pytest.raises(Unavailable):
        await call.send(b"x")
    with pytest.raises(Unavailable):
        connection.open("/a/B", [])
    assert ends == [True]
    assert not wire.closed


async def test_a_call_that_is_given_up_is_reset_and_what_still_comes_is_let_go() -> None:
    connection, wire, call = _called()
    call.close()

    assert [frame[0] for frame in wire.frames()] == [_RESET]
    connection.data_received(_frame(_DATA, 0, 1, _message(b"late")) + _trailers(1))
    with pytest.raises(Cancelled):
        await call.receive()
    assert not wire.closed


async def test_long_headers_go_out_in_pieces() -> None:
    connection, wire, _ = _made()
    wire.frames()
    connection.open("/a/B", [("long", "x" * 40_000)])

    frames = wire.frames()
    assert [frame[0] for frame in frames] == [_HEADERS, _CONTINUATION, _CONTINUATION]
    assert [frame[1] for frame in frames] == [0, 0, 4]
    assert ("long", "x" * 40_000) in hpack.Decoder().decode(b"".join(frame[3] for frame in frames))
