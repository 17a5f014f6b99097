"""Requests that are no container's."""

from typing import Any

import pytest

from engine import gojson
from engine.api import bodies
from proto.errdefs import InvalidArgument


@pytest.mark.parametrize(
    ("shape", "document"),
    [
        (bodies.NETWORK, {"Name": 1}),
        (bodies.NETWORK, {"Internal": "yes"}),
        (bodies.NETWORK, {"IPAM": {"Config": [{"Subnet": 1}]}}),
        (bodies.NETWORK, {"IPAM": {"Config": {}}}),
        (bodies.NETWORK, {"ConfigFrom": "x"}),
        (bodies.CONNECT, {"EndpointConfig": {"Aliases": "a"}}),
        (bodies.DISCONNECT, {"Container": ["a"]}),
        (bodies.VOLUME, {"DriverOpts": {"device": 1}}),
        (bodies.CHECKPOINT, {"CheckpointID": 1}),
        (bodies.AUTH, {"username": {}}),
    ],
)
def test_a_wrong_type_is_refused(shape: gojson.Struct, document: dict[str, Any]) -> None:
    """None of it may reach the code behind, which would take it for what it should be."""
    with pytest.raises(InvalidArgument, match="cannot unmarshal"):
        gojson.read(shape, document)


def test_names_are_found_in_any_case() -> None:
    assert gojson.read(bodies.VOLUME, {"name": "v", "driveropts": {"a": "b"}}) == {
        "Name": "v",
        "DriverOpts": {"a": "b"},
    }
