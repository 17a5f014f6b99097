"""Bridges are made to be what their networks say."""

import ipaddress
import socket
from dataclasses import replace

import pytest

from engine.networks import links
from engine.networks.bridge import Bridges, check_link_name
from engine.networks.links import Interface4
from engine.networks.model import Port
from engine.networks.netlink import Message
from proto.errdefs import Conflict
from tests.fakes.engine_networks import FakeFirewall, FakeLinks, bridge_network, endpoint

NETWORK = bridge_network(link="wherry-absent0")


def bridges(host: FakeLinks, firewall: FakeFirewall | None = None) -> Bridges:
    return Bridges(host, firewall, forward=False)  # type: ignore[arg-type]


def test_a_missing_bridge_is_made_with_its_address() -> None:
    host, firewall = FakeLinks(), FakeFirewall()
    index = bridges(host, firewall).ensure(NETWORK, [])
    assert host.find(NETWORK.link) is not None
    assert host.addresses(index) == [Interface4("10.9.0.1/24")]
    assert firewall.plans[NETWORK.link].network == ipaddress.IPv4Network("10.9.0.0/24")


def test_one_that_is_there_is_left_as_it_is() -> None:
    host = FakeLinks()
    made = bridges(host)
    made.ensure(NETWORK, [])
    made.ensure(NETWORK, [])
    assert [message.kind for message in host.messages].count(links.RTM_NEWADDR) == 1
    assert made.index(NETWORK) is not None


def test_a_link_of_another_kind_is_not_taken() -> None:
    host = FakeLinks()
    host.add(NETWORK.link, "veth")
    with pytest.raises(Conflict, match="exists and is not a bridge"):
        bridges(host).ensure(NETWORK, [])
    assert bridges(host).index(NETWORK) is None


def test_an_address_of_the_host_is_not_given_to_a_bridge() -> None:
    host = FakeLinks()
    host.by_index[1] = [Interface4("10.9.0.77/16")]
    with pytest.raises(Conflict, match="overlaps with an address of this host"):
        bridges(host).ensure(NETWORK, [])


def test_a_link_local_subnet_is_each_bridges_own() -> None:
    """Every link that is up has an address in it, and none is in the others' way."""
    host = _EveryLinkIsInIt()
    network = replace(NETWORK, subnet6="fe80::/64", gateway6="fe80::1001:1")
    bridges(host).ensure(network, [])
    assert any(one.kind == links.RTM_NEWADDR and one.payload[0] == socket.AF_INET6 for one in host.messages)
    with pytest.raises(Conflict, match="overlaps with an address of this host"):
        bridges(host).ensure(replace(NETWORK, subnet6="fd00::/64", gateway6="fd00::1"), [])


class _EveryLinkIsInIt(FakeLinks):
    """A host with some IPv6 address in every subnet."""

    def apply(self, *messages: Message) -> None:
        known = [one for one in messages if one.kind != links.RTM_NEWADDR or one.payload[0] == socket.AF_INET]
        super().apply(*known)
        self.messages += [one for one in messages if one not in known]

    def has_address_in(self, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
        return network.version == 6


def test_published_ports_reach_the_filter() -> None:
    firewall = FakeFirewall()
    one = endpoint(1, NETWORK, ports=(Port(80, "tcp", "127.0.0.1", 8080),))
    bridges(FakeLinks(), firewall).set_rules(NETWORK, [one])
    (port,) = firewall.plans[NETWORK.link].published
    assert (port.host_port, str(port.address), port.port) == (8080, "10.9.0.2", 80)


def test_removing_takes_rules_and_link() -> None:
    host, firewall = FakeLinks(), FakeFirewall()
    made = bridges(host, firewall)
    made.ensure(NETWORK, [])
    made.remove(NETWORK)
    made.remove(NETWORK)
    assert host.find(NETWORK.link) is None
    assert firewall.plans == {}


@pytest.mark.parametrize("name", ["", "x" * 16, "a b", "a/b", "a:b", ".", ".."])
def test_a_bridges_name_must_be_one_for_a_link(name: str) -> None:
    assert check_link_name("br-0123456789ab") == "br-0123456789ab"
    with pytest.raises(Conflict, match="invalid bridge name"):
        check_link_name(name)
