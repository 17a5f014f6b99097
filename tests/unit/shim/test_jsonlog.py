"""The json-file form, byte for byte."""

import json

from hypothesis import given
from hypothesis import strategies as st

from shim.jsonlog import LINE_LIMIT, LineSplitter, encode_attributes, entry, plain_entries, rfc3339_nano

MOMENT = 1_700_000_000_123_456_700


def splitter() -> LineSplitter:
    """Its clock counts."""
    times = iter(range(10_000))
    return LineSplitter(lambda: next(times))


def test_an_entry_is_dockerds() -> None:
    """Order, escapes of HTML's characters, the time without trailing zeros."""
    assert entry(b'a "<b>" & \\ \t\r\n', "stdout", MOMENT) == (
        b'{"log":"a \\"\\u003cb\\u003e\\" \\u0026 \\\\ \\u0009\\r\\n","stream":"stdout",'
        b'"time":"2023-11-14T22:13:20.1234567Z"}\n'
    )


def test_bytes_that_are_no_text_are_replaced_one_by_one() -> None:
    """As Go does; a replacement character that was written stays itself."""
    assert b'"log":"\\ufffd\\ufffdx\xef\xbf\xbd\\u2028"' in entry(b"\xe2\x82x\xef\xbf\xbd\xe2\x80\xa8", "stderr", 0)


def test_attributes_stand_before_the_time() -> None:
    """Sorted."""
    attributes = encode_attributes({"b": "2", "a": "1"})
    assert entry(b"x\n", "stdout", 0, attributes).endswith(
        b',"attrs":{"a":"1","b":"2"},"time":"1970-01-01T00:00:00Z"}\n'
    )
    assert encode_attributes({}) == ""


def test_times_have_no_needless_digits() -> None:
    """RFC3339Nano."""
    assert rfc3339_nano(1_000_000_000) == "1970-01-01T00:00:01Z"
    assert rfc3339_nano(1_500_000_000) == "1970-01-01T00:00:01.5Z"


def test_lines_are_joined_over_reads() -> None:
    """A line is logged once it is whole."""
    lines = splitter()
    assert list(lines.feed(b"one\ntw")) == [(b"one\n", 0)]
    assert list(lines.feed(b"o\n")) == [(b"two\n", 1)]
    assert list(lines.finish()) == []


def test_the_last_line_needs_no_newline() -> None:
    """And gets none."""
    lines = splitter()
    assert list(lines.feed(b"end")) == []
    assert list(lines.finish()) == [(b"end", 0)]


def test_a_long_line_is_split_and_its_parts_share_the_time() -> None:
    """16 KiB each; only the last ends in a newline."""
    lines = splitter()
    found = list(lines.feed(b"x" * (LINE_LIMIT * 2 + 3) + b"\nnext\n"))
    assert [(len(line), moment) for line, moment in found] == [(LINE_LIMIT, 0), (LINE_LIMIT, 0), (4, 0), (5, 1)]


def test_a_line_of_exactly_the_limit_ends_in_an_empty_part() -> None:
    """As dockerd writes it."""
    found = list(splitter().feed(b"x" * LINE_LIMIT + b"\n"))
    assert [len(line) for line, _ in found] == [LINE_LIMIT, 1]


@given(st.lists(st.binary(max_size=100), max_size=30))
def test_no_byte_is_lost(chunks: list[bytes]) -> None:
    """However the reads fall."""
    lines = LineSplitter(lambda: 0)
    found = [line for chunk in chunks for line, _ in lines.feed(chunk)] + [line for line, _ in lines.finish()]
    assert b"".join(found) == b"".join(chunks)


@given(st.binary(max_size=200))
def test_every_entry_is_json(line: bytes) -> None:
    """Whatever the program printed."""
    assert json.loads(entry(line, "stdout", 0)).keys() == {"log", "stream", "time"}


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_text_comes_back(text: str) -> None:
    """Through any JSON parser."""
    assert json.loads(entry(text.encode(), "stdout", 0))["log"] == text


@given(st.lists(st.one_of(st.text("abc<é\r ", max_size=9), st.text(max_size=5)), min_size=1), st.booleans())
def test_many_lines_at_once_are_the_same_as_each_by_itself(texts: list[str], labelled: bool) -> None:
    """Or they are left to those who look at each."""
    lines = [text.replace("\n", "").encode() + b"\n" for text in texts]
    attributes = encode_attributes({"a": "b"} if labelled else {})
    at_once = plain_entries(b"".join(lines), "stdout", MOMENT, attributes)
    one_by_one = b"".join(entry(line, "stdout", MOMENT, attributes) for line in lines)
    plain = all(32 <= code < 127 and code not in b'<>&"\\' for line in lines for code in line[:-1])
    if at_once is None:
        assert not plain
    else:
        assert at_once == one_by_one


@given(st.lists(st.binary(max_size=12)), st.integers(0, 3))
def test_whole_lines_are_the_lines(chunks: list[bytes], long_at: int) -> None:
    """However they come in; one that is too long is left to be split."""
    chunks.insert(min(long_at, len(chunks)), b"x" * LINE_LIMIT)
    at_once, each = splitter(), splitter()
    for chunk in chunks:
        expected = [line for line, _ in each.feed(chunk)]
        taken = at_once.whole(chunk)
        found = [line for line, _ in at_once.feed(chunk)] if taken is None else taken[0].splitlines(keepends=True)
        assert b"".join(found) == b"".join(expected)
    assert [line for line, _ in at_once.finish()] == [line for line, _ in each.finish()]
