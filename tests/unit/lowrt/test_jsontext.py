"""JSON without the json package, and the same as with it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrt.jsontext import JSONTextError, dumps, loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_again(value: object) -> None:
    assert loads(dumps(value)) == value
    assert json.loads(dumps(value, "  ")) == value


@given(VALUES)
def test_what_json_writes_is_read(value: object) -> None:
    assert loads(json.dumps(value).encode()) == value


@given(st.text(max_size=30))
def test_any_text_is_read_as_json_reads_it_or_refused(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(JSONTextError):
            loads(text)
        return
    if "NaN" not in text and "Infinity" not in text:
        assert loads(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "EOF"),
        ("{", "unexpected EOF"),
        ('{"a":}', "invalid character '}' at offset 5"),
        ("[1]x", "invalid character 'x' after top-level value"),
        ("[NaN]", "invalid JSON value: NaN and Infinity are not numbers here"),
        (b'"\xff"', "invalid UTF-8 at offset 1"),
    ],
)
def test_what_is_wrong_is_said(text: str | bytes, words: str) -> None:
    with pytest.raises(JSONTextError) as caught:
        loads(text)
    assert str(caught.value) == words


def test_indented_as_go_indents() -> None:
    document = {"a": [1, {}], "b": [], "c": {"d": None}}
    assert dumps(document, "  ") == ('{\n  "a": [\n    1,\n    {}\n  ],\n  "b": [],\n  "c": {\n    "d": null\n  }\n}')


def test_html_is_escaped_as_go_escapes_it() -> None:
    assert dumps("<a&b>") == '"\\u003ca\\u0026b\\u003e"'


def test_what_json_has_not_is_refused() -> None:
    with pytest.raises(TypeError):
        dumps({"a": {1, 2}})


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_is_a_character() -> None:
    """No system call takes half of one, so it must not get further than here."""
    assert loads(rb'{"a\ud800": ["\uDC00b", "\ud83d\ude00"]}') == {"a\ufffd": ["\ufffdb", "\U0001f600"]}
