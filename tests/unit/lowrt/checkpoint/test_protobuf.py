"""The wire format, measured against Google's."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrt.checkpoint import messages
from lowrt.checkpoint.protobuf import BOOLEAN, NUMBER, TEXT, Field, decode, encode
from lowrt.errors import Fault
from tests.fakes.lowrt_criu import google_decode, google_encode

_BY_KIND = {
    NUMBER: st.integers(min_value=0, max_value=2**31 - 1),
    BOOLEAN: st.booleans(),
    TEXT: st.text(st.characters(codec="utf-8"), max_size=300),
}


def _message(table: Any) -> st.SearchStrategy[dict[str, Any]]:
    def one(field: Field) -> st.SearchStrategy[Any]:
        single = _BY_KIND[field.kind] if field.kind in _BY_KIND else _whole(field.table)
        return st.lists(single, min_size=1, max_size=3) if field.repeated else single

    fields = {name: one(field) for name, field in table.items() if name != "manage_cgroups_mode"}
    return st.fixed_dictionaries({"images_dir_fd": fields.pop("images_dir_fd")}, optional=fields)


def _whole(table: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: _BY_KIND[field.kind] for name, field in table.items()})


@given(_message(messages.OPTIONS))
def test_what_is_encoded_is_what_protobuf_reads(message: dict[str, Any]) -> None:
    assert google_decode("opts", encode(messages.OPTIONS, message)) == message


@given(_message(messages.OPTIONS))
def test_what_protobuf_writes_is_what_is_decoded(message: dict[str, Any]) -> None:
    assert decode(messages.OPTIONS, google_encode("opts", message)) == message


@pytest.mark.parametrize("number", [-1, -(2**31), 0, 127, 128, 2**31 - 1])
def test_negative_numbers_go_out_and_come_back_as_protobuf_has_them(number: int) -> None:
    packet = encode(messages.OPTIONS, {"images_dir_fd": number})
    assert packet == google_encode("opts", {"images_dir_fd": number})
    assert decode(messages.OPTIONS, packet) == {"images_dir_fd": number}


def test_fields_that_nobody_knows_are_skipped() -> None:
    known, strange = {"a": Field(1, NUMBER)}, {"b": Field(900, TEXT), "c": Field(7, NUMBER)}
    fixed = bytes([2 << 3 | 5]) + bytes(4) + bytes([3 << 3 | 1]) + bytes(8)
    packet = encode(strange, {"b": "text", "c": 5}) + fixed + encode(known, {"a": 1})
    assert decode(known, packet) == {"a": 1}


@pytest.mark.parametrize(
    ("packet", "what"),
    [
        (b"\x08", "inside a number"),
        (b"\x08" + b"\xff" * 10, "without end"),
        (b"\x12\x05ab", "inside a field"),
        (b"\x0b", "wire type 3"),
        (b"\x0a\x01a", "field 1 has wire type 2"),
    ],
)
def test_what_is_no_message_is_a_fault(packet: bytes, what: str) -> None:
    with pytest.raises(Fault, match=what):
        decode({"a": Field(1, NUMBER), "b": Field(2, TEXT)}, packet)


@given(st.binary(max_size=64))
def test_no_bytes_do_worse_than_a_fault(packet: bytes) -> None:
    with suppress(Fault):
        decode(messages.RESPONSE, packet)
