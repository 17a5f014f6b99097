"""The ttrpc codec: whole frames out of any slicing of the bytes, and no memory for bodies over the limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.errdefs import ResourceExhausted
from proto.ttrpc import frame

FRAMES = st.lists(
    st.builds(
        frame.Frame,
        st.integers(0, 2**32 - 1),
        st.sampled_from([frame.REQUEST, frame.RESPONSE, frame.DATA, 9]),
        st.integers(0, 255),
        st.binary(max_size=200),
    ),
    max_size=5,
)


def test_a_request_has_the_bytes_of_the_protocol() -> None:
    """Length, stream id, type and flags, big endian, then the data."""
    assert frame.encode(1, frame.REQUEST, b"hi") == b"\0\0\0\x02\0\0\0\x01\x01\0hi"


@given(FRAMES, st.integers(1, 7))
def test_frames_survive_any_slicing(frames: list[frame.Frame], step: int) -> None:
    """The socket may cut anywhere."""
    wire = b"".join(frame.encode(one.stream, one.kind, one.data, one.flags) for one in frames)
    decoder = frame.Decoder()
    found = [event for start in range(0, len(wire), step) for event in decoder.feed(wire[start : start + step])]
    assert found == frames
    assert decoder.idle


def test_a_body_over_the_limit_is_skipped_and_reported_once() -> None:
    """The frames behind it still arrive."""
    decoder = frame.Decoder()
    length = frame.MESSAGE_LIMIT + 1
    events = decoder.feed(frame.HEADER.pack(length, 7, frame.REQUEST, 0))
    assert [(type(event), event.stream) for event in events] == [(frame.Oversized, 7)]
    assert decoder.feed(b"x" * (length - 1)) == []
    assert not decoder.idle
    assert decoder.feed(b"x" + frame.encode(9, frame.REQUEST, b"a")) == [frame.Frame(9, frame.REQUEST, 0, b"a")]


def test_a_message_over_the_limit_is_refused_before_it_is_sent() -> None:
    """The peer would only throw it away."""
    with pytest.raises(ResourceExhausted, match="exceed maximum message size of 4194304"):
        frame.encode(1, frame.REQUEST, bytes(frame.MESSAGE_LIMIT + 1))
