"""Filters of network lists."""

import pytest

from engine.filters import Filters
from engine.networks.model import Network
from engine.networks.selection import is_pruned, is_shown
from proto.errdefs import InvalidArgument
from tests.fakes.engine_networks import bridge_network, endpoint

BRIDGE = bridge_network()
MINE = bridge_network("mine", "10.8.0.0/24", labels={"k": "v"})


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        ({}, ["bridge", "mine"]),
        ({"name": ["min"]}, ["mine"]),
        ({"id": ["mine0"]}, ["mine"]),
        ({"driver": ["bridge"]}, ["bridge", "mine"]),
        ({"driver": ["host"]}, []),
        ({"scope": ["swarm"]}, []),
        ({"type": ["builtin"]}, ["bridge"]),
        ({"type": ["custom"]}, ["mine"]),
        ({"label": ["k=v"]}, ["mine"]),
        ({"dangling": ["true"]}, ["mine"]),
        ({"dangling": ["false"]}, ["bridge"]),
    ],
)
def test_filters_leave_what_they_name(filters: dict[str, list[str]], shown: list[str]) -> None:
    assert [one.name for one in (BRIDGE, MINE) if is_shown(one, Filters(filters), [])] == shown


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="invalid filter: 'type'='x'"):
        is_shown(BRIDGE, Filters({"type": ["x"]}), [])


@pytest.mark.parametrize(
    ("network", "filters", "pruned"),
    [
        (MINE, {}, True),
        (BRIDGE, {}, False),
        (MINE, {"label": ["x"]}, False),
        (MINE, {"label!": ["k"]}, False),
        (MINE, {"until": ["2023-01-01T00:00:00Z"]}, False),
        (MINE, {"until": ["1h"]}, True),
    ],
)
def test_a_prune_removes_what_is_unused_and_ones_own(
    network: Network, filters: dict[str, list[str]], pruned: bool
) -> None:
    assert is_pruned(network, Filters(filters), []) is pruned
    assert not is_pruned(network, Filters(filters), [endpoint(1, network)])
