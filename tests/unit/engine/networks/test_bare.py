"""Endpoints of which nothing is made."""

from engine.networks.bare import bare_endpoint, bare_endpoints
from engine.networks.model import Network, Sandbox
from tests.fakes.engine_networks import bridge_network

HOST = Network("h" * 64, "host", "host", "2024-01-01T00:00:00Z")
NONE = Network("n" * 64, "none", "null", "2024-01-01T00:00:00Z")
NETWORKS = [bridge_network(), HOST, NONE]


def test_a_container_on_none_has_one_that_stays_the_same() -> None:
    found = bare_endpoint(Sandbox("c1", "/netns", {}, "none"), NETWORKS)
    assert found is not None
    assert (found.network_id, found.container_id, found.address, len(found.id)) == (NONE.id, "c1", "", 64)
    assert found == bare_endpoint(Sandbox("c1", "/netns", {}, "none"), NETWORKS)
    assert found != bare_endpoint(Sandbox("c2", "/netns", {}, "none"), NETWORKS)


def test_others_have_none_of_these() -> None:
    assert bare_endpoint(None, NETWORKS) is None
    assert bare_endpoint(Sandbox("c1", "/netns", {}, "networks"), NETWORKS) is None
    assert bare_endpoint(Sandbox("c1", "host", {}, "host", owner="c2"), NETWORKS) is None


def test_the_two_networks_know_who_is_on_them() -> None:
    sandboxes = [Sandbox("c1", "host", {}, "host"), Sandbox("c2", "/netns", {}, "none"), Sandbox("c3", "/n", {}, "x")]
    assert [one.container_id for one in bare_endpoints(HOST, sandboxes)] == ["c1"]
    assert [one.container_id for one in bare_endpoints(NONE, sandboxes)] == ["c2"]
    assert list(bare_endpoints(bridge_network(), sandboxes)) == []
