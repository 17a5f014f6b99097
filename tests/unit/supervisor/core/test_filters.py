"""The filter grammar, with containerd's own examples and error positions."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.errdefs import InvalidArgument
from supervisor.core.filters import map_field, parse_filter, parse_filters

CORPUS: list[dict[str, str]] = [
    {"name": "foo", "l.foo": "true"},
    {"name": "bar"},
    {"name": "foo", "l.foo": "present", "l.more complex label": "present"},
    {"name": "bar", "l.bar": "true"},
    {"name": "fooer", 'l.more complex label with \\ and "': "present"},
    {"name": "fooer", 'l.more complex label with \\ and ".post': "present"},
    {"name": "baz", "other": "too complex, yo"},
    {"name": "bazo", "other": "abc"},
    {"name": "compound", "l.foo": "omg_asdf.asdf-qwer"},
]


def matching(*filters: str) -> list[int]:
    matches = parse_filters(filters)

    def adaptor(entry: dict[str, str]) -> object:
        def field(path: Sequence[str]) -> str | None:
            if path[0] == "labels":
                return map_field(path[1:], {key[2:]: value for key, value in entry.items() if key.startswith("l.")})
            return entry.get(path[0])

        return field

    return [number for number, entry in enumerate(CORPUS) if matches(adaptor(entry))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", list(range(9))),
        ("name", list(range(9))),
        ("labels.foo", [0, 2, 8]),
        ("labels.foo,name", [0, 2, 8]),
        ("labels.foo==true", [0]),
        ("labels.foo==omg_asdf.asdf-qwer", [8]),
        ("name==bar", [1, 3]),
        ("name!=bar", [0, 2, 4, 5, 6, 7, 8]),
        ("name==bar,labels.bar", [3]),
        ('other=="too complex, yo"', [6]),
        ("other~=[abc]+,name!=foo", [6, 7]),
        ("other~=/[abc]+/,name!=foo", [6, 7]),
        ("other~=|[abc]{1,2}|,name!=foo", [6, 7]),
        (r'other~=/[abc]{0,1}"\//,name!=foo', []),
        ("name==bar,labels.bar==wrong", []),
        ('name==foo,labels."more complex label"', [2]),
        (r'labels."more complex label with \\ and \""==present', [4]),
        (r'labels."more complex label with \\ and \"".post==present', [5]),
        ("name == foo", [0, 2]),
        ("missing!=x", list(range(9))),
        ("other~=[", []),
    ],
)
def test_a_filter_selects(text: str, expected: list[int]) -> None:
    """Presence, equality, inequality and regular expressions, joined by commas."""
    assert matching(text) == expected


def test_several_filters_are_alternatives() -> None:
    """And none at all wants everything."""
    assert matching("name==bar", "other==abc") == [1, 3, 7]
    assert matching() == list(range(9))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("labels.|foo|==x", "[labels. >|||< foo|==x]: invalid quote encountered"),
        (
            r'labels.?"more".post==present',
            r'[labels. >|?|< "more".post==present]: expected field or quoted',
        ),
        ("name==foo,", "[name==foo,]: expected field or quoted"),
        ("labels.", "[labels.]: expected field or quoted"),
        ("image~=,id?=?fbaq", "[image~= >|,|< id?=?fbaq]: expected value or quoted"),
        ("labels.ns/key==value", "[labels.ns >|/|< key==value]: quoted literal not terminated"),
        ("labels.key==/value", "[labels.key== >|/|< value]: quoted literal not terminated"),
        ("name===x", '[name >|=|< ==x]: unsupported operator "==="'),
        ("name foo", '[name  >|f|< oo]: expected an operator ("=="|"!="|"~=")'),
        (r'name=="\q"', r'[name== >|"|< \q"]: illegal escape sequence'),
    ],
)
def test_a_mistake_is_shown_where_it_is(text: str, error: str) -> None:
    """The character is marked."""
    with pytest.raises(InvalidArgument) as raised:
        parse_filter(text)
    assert str(raised.value) == f"filters: parse error: {error}: invalid argument"


@given(st.text(alphabet=st.sampled_from('ab.,=!~"/|\\ x0{'), max_size=20))
def test_every_text_is_a_filter_or_a_fault(text: str) -> None:
    """Nothing else comes out of the parser."""
    try:
        parse_filter(text)(lambda path: "x")
    except InvalidArgument:
        pass
