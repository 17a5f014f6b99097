"""Values as text, as annotations have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrt.dbus.variant_text import TextError, parse
from lowrt.dbus.wire import Variant


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("5", Variant("i", 5)),
        ("-5", Variant("i", -5)),
        ("0x10", Variant("i", 16)),
        ("010", Variant("i", 8)),
        ("1.5", Variant("d", 1.5)),
        ("uint64 5", Variant("t", 5)),
        ("byte 0xff", Variant("y", 255)),
        ("double 3", Variant("d", 3.0)),
        ("true", Variant("b", True)),
        ("'a b'", Variant("s", "a b")),
        ('"it\'s"', Variant("s", "it's")),
        (r"'\u00fc\n\''", Variant("s", "ü\n'")),
        ("objectpath '/a'", Variant("o", "/a")),
        ("b'ab'", Variant("ay", b"ab\0")),
        ("['a', 'b']", Variant("as", ["a", "b"])),
        ("@as []", Variant("as", [])),
        ("@ay [1, 2]", Variant("ay", b"\1\2")),
        ("[uint64 1, 2]", Variant("at", [1, 2])),
        ("{'a': 1}", Variant("a{si}", {"a": 1})),
        ("@a{sv} {}", Variant("a{sv}", {})),
        ("<5>", Variant("v", Variant("i", 5))),
        (" [ <'x'> ] ", Variant("av", [Variant("s", "x")])),
    ],
)
def test_glibs_text_format_is_read(text: str, variant: Variant) -> None:
    assert parse(text) == variant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "foo",
        "'open",
        "[1",
        "[1 2]",
        "[]",
        "{}",
        "5 6",
        "@zz 5",
        "@as 5",
        "uint64 'a'",
        "byte 256",
        "uint32 -1",
        "(1, 2)",
        "5000000000",
        "<5",
        "0x",
        "1_0",
        "['a', 5]",
        "[" * 100,
        r"'\uZZZZ'",
    ],
)
def test_what_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(TextError):
        parse(text)


@given(st.text(alphabet="0123456789abuintstrue'\"[]{}<>@:,.-+ \\x", max_size=40))
def test_no_text_gives_anything_but_a_value_or_that_error(text: str) -> None:
    try:
        parse(text)
    except TextError:
        return
