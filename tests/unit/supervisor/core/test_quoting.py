"""Go's string literals."""

import pytest

from supervisor.core.quoting import QuoteError, scan_quoted, unquote


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ('"plain"', "plain"),
        (r'"tab\tquote\"end"', 'tab\tquote"end'),
        (r"/slash\/in/", "slash/in"),
        (r'"\x41\u00e4\U0001F600\101"', "Aä😀A"),
        ('"ünïcode"', "ünïcode"),
        (r'"\xff"', "\udcff"),
    ],
)
def test_a_literal_stands_for_its_text(literal: str, text: str) -> None:
    """Escapes by letter, octal, hex and code point; a stray byte survives as such."""
    assert scan_quoted(literal + "rest", 0) == len(literal)
    assert unquote(literal) == text


@pytest.mark.parametrize(
    ("literal", "problem"),
    [
        ('"open', "quoted literal not terminated"),
        ('"new\nline"', "quoted literal not terminated"),
        (r'"\q"', "illegal escape sequence"),
        (r'"\x4"', "illegal numeric escape sequence"),
        ('"\\', "illegal escape sequence"),
    ],
)
def test_what_is_no_literal_says_why(literal: str, problem: str) -> None:
    """Where the scanner gives up."""
    with pytest.raises(QuoteError, match=problem):
        scan_quoted(literal, 0)


@pytest.mark.parametrize("literal", [r'"\777"', r'"\UFFFFFFFF"'])
def test_a_value_out_of_range_is_no_text(literal: str) -> None:
    """More than a byte, more than Unicode."""
    with pytest.raises(QuoteError, match="quote syntax error"):
        unquote(literal)
