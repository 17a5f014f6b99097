"""Requests as encoding/json reads them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import gojson
from engine.gojson import Listed, Mapped, Struct
from proto.errdefs import InvalidArgument

INNER = Struct("Inner", {"Name": gojson.TEXT, "Count": gojson.INT64, "Port": gojson.UINT16}, package="p")
OUTER = Struct(
    "Outer",
    {
        "On": gojson.TRUTH,
        "Words": gojson.Words(),
        "Inner": INNER,
        "Many": Listed(INNER),
        "Named": Mapped(INNER),
        "Labels": gojson.TEXT_MAP,
        "Size": Listed(gojson.UINT, "[2]uint", size=2),
        "Wait": gojson.DURATION,
        "Meta": gojson.ANYTHING,
    },
    package="p",
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*OUTER.fields, *INNER.fields, "name", "other"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def words_of(document: Any) -> str:
    """Why a document is refused."""
    with pytest.raises(InvalidArgument) as caught:
        gojson.read(OUTER, document)
    return str(caught.value).removeprefix("invalid JSON: json: cannot unmarshal ")


def test_names_match_in_any_case_and_unknown_ones_stay() -> None:
    assert gojson.read(OUTER, {"INNER": {"name": "x"}, "Other": 1}) == {"Inner": {"Name": "x"}, "Other": 1}


def test_of_two_spellings_the_last_one_counts() -> None:
    assert gojson.read(OUTER, {"On": True, "on": False}) == {"On": False}


def test_null_says_nothing() -> None:
    """In a list or a map it is the zero value, or no struct at all."""
    document = {
        "On": None,
        "Many": [None],
        "Named": {"a": None},
        "Labels": {"a": None},
        "Size": [None],
        "Words": [None],
    }
    assert gojson.read(OUTER, document) == {
        "Many": [{}],
        "Named": {"a": None},
        "Labels": {"a": ""},
        "Size": [0, 0],
        "Words": [""],
    }


def test_a_lone_word_is_a_list() -> None:
    assert gojson.read(OUTER, {"Words": "sh"}) == {"Words": ["sh"]}


def test_a_whole_struct_has_all_its_fields() -> None:
    shape = Struct("B", {"HostIp": gojson.TEXT, "Port": gojson.INT}, whole=True)
    assert gojson.read(shape, {"port": 1}) == {"HostIp": "", "Port": 1}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "array into Go value of type p.Outer"),
        ({"On": 1}, "number into Go struct field Outer.On of type bool"),
        ({"Words": 1}, "number into Go struct field Outer.Words of type string"),
        ({"Words": [1]}, "number into Go struct field Outer.Words of type string"),
        ({"Inner": "x"}, "string into Go struct field Outer.Inner of type p.Inner"),
        ({"Inner": {"Count": "1"}}, "string into Go struct field Inner.Inner.Count of type int64"),
        ({"Inner": {"Count": 1.5}}, "number 1.5 into Go struct field Inner.Inner.Count of type int64"),
        ({"Inner": {"Count": True}}, "bool into Go struct field Inner.Inner.Count of type int64"),
        ({"Inner": {"Count": 1 << 63}}, f"number {1 << 63} into Go struct field Inner.Inner.Count of type int64"),
        ({"Inner": {"Port": -1}}, "number -1 into Go struct field Inner.Inner.Port of type uint16"),
        ({"Many": {}}, "object into Go struct field Outer.Many of type []p.Inner"),
        ({"Many": [{"Name": []}]}, "array into Go struct field Inner.Many.Name of type string"),
        ({"Named": {"a": {"Name": 1}}}, "number into Go struct field Inner.Named.Name of type string"),
        ({"Labels": {"a": 1}}, "number into Go struct field Outer.Labels of type string"),
        ({"Labels": []}, "array into Go struct field Outer.Labels of type map[string]string"),
        ({"Size": "1x1"}, "string into Go struct field Outer.Size of type [2]uint"),
        ({"Wait": "1s"}, "string into Go struct field Outer.Wait of type time.Duration"),
    ],
)
def test_a_wrong_type_is_refused_in_gos_words(document: Any, words: str) -> None:
    """Taken from dockerd 20.10's answers to such requests."""
    assert words_of(document) == words


@given(VALUES)
def test_whatever_comes_is_read_or_refused(document: Any) -> None:
    """And what was read is read again as the same."""
    try:
        read = gojson.read(OUTER, document)
    except InvalidArgument:
        return
    assert gojson.read(OUTER, read) == read
