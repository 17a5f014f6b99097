"""A request's parameters."""

import asyncio

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request

from engine.api.call import Call
from engine.gojson import TEXT, Struct
from proto.errdefs import InvalidArgument


def call(query: str) -> Call:
    return Call(make_mocked_request("GET", f"/x?{query}"), {}, (1, 51))


@pytest.mark.parametrize(
    ("query", "truth"),
    [("a=1", True), ("a=true", True), ("a=yes", True), ("a=0", False), ("a=", False), ("a=False", False), ("", False)],
)
def test_booleans_are_gos(query: str, truth: bool) -> None:
    assert call(query).flag("a") is truth


def test_numbers() -> None:
    assert call("a=5").number("a") == 5
    assert call("").number("a") is None
    with pytest.raises(InvalidArgument, match="invalid syntax"):
        call("a=x").number("a")


def test_filters_that_are_not_known_are_refused() -> None:
    assert call('filters={"a":["b"]}').filters({"a"}).get("a") == ["b"]
    with pytest.raises(InvalidArgument, match="invalid filter 'a'"):
        call('filters={"a":["b"]}').filters({"c"})


def test_texts() -> None:
    assert call("a=1&a=2").texts("a") == ["1", "2"]
    assert call("").text("a", "z") == "z"


@pytest.mark.parametrize(
    ("text", "truth"),
    [("%20", False), ("No", False), ("NONE", False), ("2", True), ("t", True), ("-", True), ("%20true%20", True)],
)
def test_more_booleans(text: str, truth: bool) -> None:
    """Everything but five words is true."""
    assert call(f"a={text}").flag("a") is truth


def test_a_default_holds_only_where_nothing_was_said() -> None:
    """An empty value says false."""
    assert call("").flag("stream", default=True) is True
    assert call("stream=").flag("stream", default=True) is False


@pytest.mark.parametrize("text", ["1.5", "0x1", "1e3", "%D9%A1x", "1_0x"])
def test_numbers_that_are_none(text: str) -> None:
    """In Go's words."""
    with pytest.raises(InvalidArgument, match="invalid syntax"):
        call(f"t={text}").number("t")


def body(data: bytes, kind: str | None = "application/json") -> Call:
    """A request with this body."""
    stream = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**20, loop=asyncio.get_running_loop())
    stream.feed_data(data)
    stream.feed_eof()
    headers = {} if kind is None else {"Content-Type": kind}
    return Call(make_mocked_request("POST", "/x", headers=headers, payload=stream), {}, (1, 51))


async def test_an_empty_body_is_an_empty_document_unless_one_is_needed() -> None:
    """`null` too."""
    assert await body(b"").json() == {}
    assert await body(b" \n").json() == {}
    assert await body(b"null").json() == {}
    with pytest.raises(InvalidArgument, match="invalid JSON: got EOF while reading request body"):
        await body(b"").json(required=True)


@pytest.mark.parametrize("data", [b"{", b'{"a": }', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 20_000])
async def test_a_body_that_is_no_json_is_the_clients_mistake(data: bytes) -> None:
    """However deep it is nested."""
    with pytest.raises(InvalidArgument, match="invalid JSON"):
        await body(data).json()


@pytest.mark.parametrize("data", [b"[]", b'"x"', b"1"])
async def test_a_body_that_is_no_object(data: bytes) -> None:
    """As encoding/json would say it."""
    with pytest.raises(InvalidArgument, match="json: cannot unmarshal"):
        await body(data).json()


@pytest.mark.parametrize(
    ("kind", "taken"), [(None, True), ("application/json; charset=utf-8", True), ("text/plain", False)]
)
async def test_the_kind_of_a_body(kind: str | None, taken: bool) -> None:
    """A form of a browser is none of ours."""
    if taken:
        assert await body(b'{"a": 1}', kind).json() == {"a": 1}
        return
    with pytest.raises(InvalidArgument, match="unsupported Content-Type header"):
        await body(b'{"a": 1}', kind).json()


async def test_a_body_is_bounded() -> None:
    """Nobody fills the engine's memory."""
    assert await body(b"x" * 10).body(10) == b"x" * 10
    with pytest.raises(InvalidArgument, match="request body too large"):
        await body(b"x" * 11).body(10)


@pytest.mark.parametrize("data", [b"{", b'{"a": 1', b'{"a": "x', b'{"a": [1, '])
async def test_a_body_that_breaks_off_is_said_to(data: bytes) -> None:
    with pytest.raises(InvalidArgument, match="^invalid JSON: unexpected EOF$"):
        await body(data).json()


async def test_a_body_is_read_in_its_shape() -> None:
    shape = Struct("Order", {"Name": TEXT}, package="shop")
    assert await body(b'{"name": "x"}').json(shape) == {"Name": "x"}
    with pytest.raises(InvalidArgument, match=r"cannot unmarshal array into Go value of type shop\.Order"):
        await body(b"[]").json(shape)
