"""Which frames are dropped where addresses are pinned."""

from engine.networks import nftables as nft
from engine.networks import pinning
from engine.networks.bridge import Bridges
from engine.networks.ipam import parse_hardware_address
from tests.fakes.engine_networks import FakeFirewall, FakeLinks, bridge_network, endpoint

NETWORK = bridge_network(link="wherry-absent0", pinned=True)


def test_each_link_is_held_to_its_own_addresses() -> None:
    one = endpoint(1, NETWORK)
    found = pinning.rules(NETWORK, [one, endpoint(2, NETWORK)])
    assert len(found) == 6
    assert all(rule.expressions[-1] == nft.verdict(nft.DROP)[0] for rule in found)
    assert all(nft.input_interface(one.link)[1] in rule.expressions for rule in found[:3])
    assert nft.compare(parse_hardware_address(one.mac), nft.NOT_EQUAL) in found[0].expressions
    assert all(nft.compare(one.addresses[0].packed, nft.NOT_EQUAL) in rule.expressions for rule in found[1:3])


def test_ipv6_is_held_to_the_address_and_to_what_is_advertised() -> None:
    network = bridge_network(subnet6="fd00::/64", gateway6="fd00::1")
    one = endpoint(1, network, address6="fd00::2/64")
    found = pinning.rules(network, [one])
    assert len(found) == 5
    for rule in found[3:]:
        assert nft.compare(one.addresses[1].packed, nft.NOT_EQUAL) in rule.expressions


def test_the_table_is_for_networks_that_ask_for_it() -> None:
    firewall = FakeFirewall()
    made = Bridges(FakeLinks(), firewall, forward=False)  # type: ignore[arg-type]
    made.set_rules(NETWORK, [endpoint(1, NETWORK)])
    made.set_rules(bridge_network("other", link="wherry-absent1"), [])
    assert list(firewall.pinned) == ["wherry-absent0"]
