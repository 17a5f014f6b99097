"""A request's parameters."""

import pytest
from aiohttp.test_utils import make_mocked_request

from engine.api.call import Call
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
