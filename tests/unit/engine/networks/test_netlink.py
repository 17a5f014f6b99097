"""Netlink's bytes."""

import struct
import sys

from hypothesis import given
from hypothesis import strategies as st

from engine.networks.netlink import Message, attribute, attributes, parse


def test_an_attribute_is_padded_to_four_bytes() -> None:
    assert attribute(3, b"abc") == b"\x07\x00\x03\x00abc\x00"
    assert attribute(3, "ab") == b"\x07\x00\x03\x00ab\x00\x00"
    assert attribute(3, 1) == b"\x08\x00\x03\x00" + struct.pack("=I", 1)


def test_a_nest_is_marked_as_one() -> None:
    nested = attribute(2, [attribute(1, b"x")])
    ((kind, inner),) = attributes(nested)
    assert kind == 2
    assert struct.unpack_from("=H", nested, 2)[0] & 0x8000
    assert list(attributes(inner)) == [(1, b"x")]


@given(st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=40)), max_size=6))
def test_attributes_are_read_as_they_were_written(pairs: list[tuple[int, bytes]]) -> None:
    data = b"".join(attribute(kind, value) for kind, value in pairs)
    assert list(attributes(data)) == pairs


@given(st.binary(max_size=64))
def test_broken_bytes_end_the_reading(data: bytes) -> None:
    list(attributes(data))
    for _, _, _, payload in parse(data + b"\0" * 16):
        assert len(payload) <= len(data) + 16


def test_a_message_has_its_length_type_flags_and_sequence() -> None:
    packed = Message(16, b"payload", 0x600).pack(9)
    assert len(packed) % 4 == 0
    assert list(parse(packed)) == [(16, 9, 0, b"payload")]
    assert packed[6:8] == (0x605).to_bytes(2, sys.byteorder)


def test_the_kernels_reason_is_found_behind_an_error() -> None:
    from engine.networks.netlink import _refusal

    request = struct.pack("=IHHII", 16, 16, 5, 3, 0)
    text = attribute(1, "No such device")
    answer = (
        struct.pack("=IHHII", 20 + len(request) + len(text), 2, 0x300, 3, 0) + struct.pack("=i", -19) + request + text
    )
    ((_, _, _, payload),) = parse(answer)
    refusal = _refusal(payload)
    assert refusal is not None
    assert (refusal.errno, "No such device" in str(refusal.strerror)) == (19, True)
    assert _refusal(struct.pack("=i", 0)) is None
