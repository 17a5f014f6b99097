"""A call's own rules, on a wire that only notes what is written."""

import pytest

from engine.buildkit.call import DATA, STREAM_WINDOW, WINDOW, Broken, Call
from proto.errdefs import Fault, Unavailable


class Wire:
    """Frames as they are written."""

    window = peer_window = 1 << 20
    peer_frame = 1 << 14
    paused = False

    def __init__(self) -> None:
        self.written: list[tuple[int, int, bytes]] = []
        self.cancelled: list[int] = []
        self.forgotten: list[int] = []

    def frame(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        self.written.append((kind, flags, payload))

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    def forget(self, number: int) -> None:
        self.forgotten.append(number)


async def test_many_small_messages_share_a_frame_and_a_large_one_has_several() -> None:
    wire = Wire()
    call = Call(wire, 1)
    await call.send(b"a", b"bc")
    await call.send(b"x" * 40_000)

    assert wire.written[0] == (DATA, 0, b"\0\0\0\0\1a\0\0\0\0\2bc")
    assert [len(payload) for _, _, payload in wire.written[1:]] == [16384, 16384, 40_005 - 2 * 16384]
    assert wire.window == (1 << 20) - 13 - 40_005


async def test_the_end_is_said_once_and_nothing_after_it() -> None:
    wire = Wire()
    call = Call(wire, 1)
    call.end()
    call.end()

    assert wire.written == [(DATA, 1, b"")]
    with pytest.raises(Unavailable):
        await call.send(b"late")


async def test_the_window_is_opened_for_what_was_taken_and_for_nothing_else() -> None:
    wire = Wire()
    call = Call(wire, 1)
    size = STREAM_WINDOW // 2
    call.take((size - 5).to_bytes(5, "big") + b"x" * (size - 5))
    assert wire.written == []
    assert [len(message) for message in await call.receive()] == [size - 5]
    assert [(kind, int.from_bytes(payload, "big")) for kind, _, payload in wire.written] == [(WINDOW, size)]


def test_more_than_the_window_is_no_http2() -> None:
    call = Call(Wire(), 1)

    with pytest.raises(Broken):
        call.take(b"\0" * (STREAM_WINDOW + 1))


async def test_a_status_that_is_no_number_is_a_failure_all_the_same() -> None:
    for status in ("", "ok", "٣", "999999"):
        call = Call(Wire(), 1)
        call.finish([("grpc-status", status)])
        with pytest.raises(Fault):
            await call.receive()


async def test_a_call_that_has_ended_is_forgotten_without_a_reset() -> None:
    wire = Wire()
    call = Call(wire, 7)
    call.finish([("grpc-status", "0")])
    call.close()

    assert await call.receive() == []
    assert (wire.cancelled, wire.forgotten) == ([], [7])
