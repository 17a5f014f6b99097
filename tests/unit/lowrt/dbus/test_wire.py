"""D-Bus values: what is written is read again, and what is no D-Bus is an error and nothing else."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrt.dbus.wire import Variant, WireError, marshal, split, unmarshal


def test_values_have_the_alignment_of_their_types() -> None:
    assert marshal("yu", [1, 2]) == b"\1\0\0\0\2\0\0\0"
    assert marshal("yt", [1, 2]) == b"\1" + bytes(7) + struct.pack("<Q", 2)
    assert marshal("s", ["ab"]) == b"\2\0\0\0ab\0"
    assert marshal("g", ["as"]) == b"\2as\0"


def test_the_padding_before_the_first_element_does_not_count_into_an_arrays_length() -> None:
    assert marshal("at", [[7]]) == struct.pack("<I4xQ", 8, 7)
    assert marshal("a(yt)", [[]]) == bytes(8)


def test_a_variant_carries_its_signature() -> None:
    assert marshal("v", [Variant("u", 5)]) == b"\1u\0\0\5\0\0\0"


@pytest.mark.parametrize(
    ("signature", "values"),
    [
        ("ybnqiuxtd", [255, True, -5, 5, -7, 7, -(1 << 40), (1 << 64) - 1, 0.5]),
        ("sog", ["ü", "/a/b", "a{sv}"]),
        ("ay", [b"\0\1\2"]),
        ("a(sv)", [[("MemoryMax", Variant("t", 1)), ("PIDs", Variant("au", [1, 2]))]]),
        ("a{sv}", [{"x": Variant("b", False)}]),
        ("aas", [[["a"], []]]),
        ("(y(ss))", [(1, ("a", "b"))]),
        ("v", [Variant("v", Variant("a{ys}", {1: "one"}))]),
    ],
)
def test_what_is_written_is_read_again(signature: str, values: list[Any]) -> None:
    assert unmarshal(signature, marshal(signature, values)) == values


def test_the_other_byte_order_is_read_too() -> None:
    assert unmarshal("us", struct.pack(">II", 5, 2) + b"hi\0", big_endian=True) == [5, "hi"]


@pytest.mark.parametrize("signature", ["a", "(", "()", "a{vs}", "a{s}", "{ss}", "z", "(s", "a{sss}", "s" * 256])
def test_a_signature_that_is_none_is_refused(signature: str) -> None:
    with pytest.raises(WireError):
        split(signature)


def test_a_signature_has_no_endless_depth() -> None:
    with pytest.raises(WireError, match="too deep"):
        split("a" * 200 + "y")


@pytest.mark.parametrize(
    ("signature", "value"),
    [("y", 256), ("u", -1), ("s", 5), ("s", "a\0b"), ("v", 5), ("v", Variant("ss", "x")), ("u", "x"), ("t", None)],
)
def test_a_value_that_does_not_fit_its_type_is_refused(signature: str, value: object) -> None:
    with pytest.raises(WireError):
        marshal(signature, [value])


@pytest.mark.parametrize(
    ("signature", "data"),
    [
        ("u", b"\1\0\0"),
        ("s", b"\5\0\0\0ab\0"),
        ("s", b"\2\0\0\0abc"),
        ("s", b"\2\0\0\0\xff\xfe\0"),
        ("b", b"\2\0\0\0"),
        ("yu", b"\1\1\1\1\1\0\0\0"),
        ("as", b"\xff\xff\xff\xff"),
        ("as", b"\6\0\0\0\2\0\0\0ab\0"),
        ("v", b"\2ss\0"),
        ("y", b"\1\2"),
    ],
)
def test_bytes_that_are_no_value_are_refused(signature: str, data: bytes) -> None:
    with pytest.raises(WireError):
        unmarshal(signature, data)


@given(st.binary(max_size=200), st.sampled_from(["v", "a{sv}", "a(sv)", "aas", "(sv)s", "yyyyuua(yv)"]))
def test_no_bytes_give_anything_but_values_or_that_error(data: bytes, signature: str) -> None:
    try:
        marshal(signature, unmarshal(signature, data))
    except WireError:
        return


@given(st.text(alphabet="ybnqiuxtdsogav(){}", max_size=30))
def test_no_text_is_a_signature_by_halves(text: str) -> None:
    try:
        types = split(text)
    except WireError:
        return
    assert "".join(types) == text
