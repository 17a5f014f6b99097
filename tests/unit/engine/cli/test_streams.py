"""Docker's multiplexed output."""

from hypothesis import given
from hypothesis import strategies as st

from engine.cli.streams import HEADER, Demultiplexer

PIECES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=50)), max_size=6)


@given(PIECES, st.integers(1, 9))
def test_streams_survive_any_slicing(pieces: list[tuple[int, bytes]], step: int) -> None:
    """Each byte comes out on its own stream, in order."""
    wire = b"".join(HEADER.pack(stream, len(data)) + data for stream, data in pieces)
    demultiplexer = Demultiplexer()
    found = {1: b"", 2: b""}
    for start in range(0, len(wire), step):
        for stream, data in demultiplexer.feed(wire[start : start + step]):
            found[stream] += data
    assert found == {stream: b"".join(data for one, data in pieces if one == stream) for stream in (1, 2)}


def test_a_piece_is_given_before_its_frame_is_complete() -> None:
    """A long line must not wait for its end."""
    assert list(Demultiplexer().feed(HEADER.pack(1, 100) + b"begin")) == [(1, b"begin")]
