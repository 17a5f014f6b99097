"""Frames."""

from hypothesis import given
from hypothesis import strategies as st

from engine.stdcopy import Decoder, frame


@given(st.lists(st.tuples(st.integers(1, 2), st.binary(min_size=1, max_size=40))), st.integers(1, 13))
def test_any_cut_of_the_stream_gives_the_same_bytes(frames: list[tuple[int, bytes]], step: int) -> None:
    data = b"".join(frame(stream, piece) for stream, piece in frames)
    decoder, found = Decoder(), {1: b"", 2: b""}
    for at in range(0, len(data), step):
        for stream, piece in decoder.feed(data[at : at + step]):
            found[stream] += piece
    for stream in (1, 2):
        assert found[stream] == b"".join(piece for number, piece in frames if number == stream)


def test_a_header() -> None:
    assert frame(2, b"ab") == b"\x02\0\0\0\0\0\0\x02ab"
