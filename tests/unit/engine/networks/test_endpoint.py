"""A veth is made from the host's side and finished from the container's."""

import pytest

from engine.networks import links
from engine.networks.endpoint import apply_sysctls, lead_out, wire
from engine.networks.model import Port
from proto.errdefs import Internal, InvalidArgument
from tests.fakes.engine_networks import FakeLinks, bridge_network, endpoint


def test_an_endpoint_is_up_with_its_address() -> None:
    host, inner = FakeLinks(), FakeLinks()
    network = bridge_network()
    inner.add("eth0")
    wire(host, network, 5, endpoint(1, network), 9, inside=lambda: inner)  # type: ignore[arg-type]
    assert [message.kind for message in host.messages] == [links.RTM_NEWLINK]
    assert [message.kind for message in inner.messages] == [links.RTM_NEWLINK, links.RTM_NEWADDR]


def test_the_default_route_goes_by_the_interface_that_is_named() -> None:
    inner = FakeLinks()
    own = inner.add("eth1")
    lead_out("eth1", "10.9.0.254", 4, inside=lambda: inner)  # type: ignore[arg-type]
    assert inner.messages == [links.default_route(own.index, "10.9.0.254", 4)]
    lead_out("eth7", "10.9.0.254", 4, inside=lambda: inner)  # type: ignore[arg-type]
    assert len(inner.messages) == 1, "one that has gone leads nowhere"


def test_a_sysctl_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="/proc/sys/net/ipv4/conf/absent0/rp_filter is not a sysctl file"):
        apply_sysctls("absent0", ["net.ipv4.conf.IFNAME.rp_filter=1"])


def test_the_bridge_is_told_of_ports_that_need_more_than_forwarding() -> None:
    host, inner = FakeLinks(), FakeLinks()
    inner.add("eth0")
    network = bridge_network(isolated=True)
    one = endpoint(1, network, ports=(Port(80, "tcp", "0.0.0.0", 8080),))
    wire(host, network, 5, one, 9, inside=lambda: inner)  # type: ignore[arg-type]
    expected = links.bridge_port(one.link, hairpin=True, isolated=True)
    assert host.messages[1] == expected


def test_an_interface_that_went_away_is_said_to_have() -> None:
    network = bridge_network()
    with pytest.raises(Internal, match="eth0 of c1 went away"):
        wire(FakeLinks(), network, 5, endpoint(1, network), 9, inside=FakeLinks)  # type: ignore[arg-type]
