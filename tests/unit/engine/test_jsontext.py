"""JSON that others wrote."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.jsontext import dumps, loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()) | st.text(st.characters(categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_whatever_is_read_can_be_written_as_utf8(value: object) -> None:
    json.dumps(loads(json.dumps(value)), ensure_ascii=False).encode()
    assert loads(json.dumps(value)) == loads(json.dumps(value).encode())


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_is_a_character() -> None:
    assert loads(rb'{"a\ud800": ["\uDC00b", "\ud83d\ude00"]}') == {"a\ufffd": ["\ufffdb", "\U0001f600"]}


@pytest.mark.parametrize("text", [b"[" * 100_000, b"[" * 100_000 + b'"\\ud800"', b"{", b"\xff"])
def test_what_is_no_document_is_one_kind_of_error(text: bytes) -> None:
    with pytest.raises(ValueError, match="."):
        loads(text)


def test_what_is_written_is_what_go_writes() -> None:
    """Scripts look for `"Id":"` with grep."""
    assert dumps({"Id": "ü<&>", "List": [1, None, True]}) == '{"Id":"ü<&>","List":[1,null,true]}'.encode()
