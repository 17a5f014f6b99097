"""A veth is made from the host's side and finished from the container's."""

import pytest

from engine.networks import links
from engine.networks.endpoint import wire
from engine.networks.model import Port
from proto.errdefs import Internal
from tests.fakes.engine_networks import FakeLinks, bridge_network, endpoint


def wired(network_fields: dict[str, object], *, default: bool) -> list[int]:
    host, inner = FakeLinks(), FakeLinks()
    network = bridge_network(**network_fields)  # type: ignore[arg-type]
    inner.add("eth0")
    wire(host, network, 5, endpoint(1, network), 9, default=default, inside=lambda: inner)  # type: ignore[arg-type]
    assert [message.kind for message in host.messages] == [links.RTM_NEWLINK]
    return [message.kind for message in inner.messages]


def test_the_first_network_has_the_default_route() -> None:
    assert wired({}, default=True) == [links.RTM_NEWLINK, links.RTM_NEWADDR, links.RTM_NEWROUTE]


def test_a_further_or_internal_network_has_none() -> None:
    assert wired({}, default=False) == [links.RTM_NEWLINK, links.RTM_NEWADDR]
    assert wired({"internal": True}, default=True) == [links.RTM_NEWLINK, links.RTM_NEWADDR]


def test_the_bridge_is_told_of_ports_that_need_more_than_forwarding() -> None:
    host, inner = FakeLinks(), FakeLinks()
    inner.add("eth0")
    network = bridge_network(isolated=True)
    one = endpoint(1, network, ports=(Port(80, "tcp", "0.0.0.0", 8080),))
    wire(host, network, 5, one, 9, default=True, inside=lambda: inner)  # type: ignore[arg-type]
    expected = links.bridge_port(one.link, hairpin=True, isolated=True)
    assert host.messages[1] == expected


def test_an_interface_that_went_away_is_said_to_have() -> None:
    network = bridge_network()
    with pytest.raises(Internal, match="eth0 of c1 went away"):
        wire(FakeLinks(), network, 5, endpoint(1, network), 9, default=True, inside=FakeLinks)  # type: ignore[arg-type]
