"""Addresses of endpoints: chosen, granted, kept back."""

import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest

from engine.networks.addresses import Addresses
from engine.networks.conntrack import Gone
from engine.networks.model import Network
from engine.networks.store import Store
from proto.errdefs import Conflict, InvalidArgument, ResourceExhausted
from tests.fakes.engine_networks import FakeForgetting, FakeLinks, bridge_network, endpoint


class Place:
    """Addresses on a store and a kernel in memory."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(str(folder / "networks.db"))
        self.host = FakeLinks()
        self.forgetting = FakeForgetting()
        self.addresses = Addresses(self.store, self.host, self.forgetting)  # type: ignore[arg-type]

    def address(self, network: Network, wanted: str = "") -> str:
        return str(getattr(self.addresses.choose(network, 4, wanted), "ip", None))

    def address6(self, network: Network, wanted: str = "") -> str:
        return str(getattr(self.addresses.choose(network, 6, wanted), "ip", None))


@pytest.fixture
def place(tmp_path: Path):
    made = Place(tmp_path)
    yield made
    made.store.close()


def test_the_lowest_free_address_is_given(place: Place) -> None:
    network = bridge_network("mine", reserved={"printer": "10.9.0.3"})
    place.store.put_endpoint(endpoint(1, network))
    assert place.address(network) == "10.9.0.4"


def test_where_the_bridge_has_no_address_the_first_is_a_containers(place: Place) -> None:
    network = bridge_network("mine", gateway="", subnet6="fd09::/64")
    assert (place.address(network), place.address6(network)) == ("10.9.0.1", "fd09::1")


def test_an_address_whose_veth_is_still_there_waits(place: Place) -> None:
    network = bridge_network("mine")
    one = endpoint(1, network)
    place.host.add(one.link)
    place.addresses.keep_back(one)
    place.forgetting.add([Gone(ipaddress.ip_address("10.9.0.2"))])
    assert place.address(network) == "10.9.0.3"
    del place.host.links[one.link]
    assert place.address(network) == "10.9.0.3", "its connections are not forgotten yet"
    place.forgetting.settle()
    assert place.address(network) == "10.9.0.2"


def test_who_asks_for_an_address_waits_for_its_connections_alone(place: Place) -> None:
    """A container with an address of its own starts again at once."""
    network = bridge_network("mine", ipam_given=True)
    one = endpoint(1, network)
    place.host.add(one.link)
    place.addresses.keep_back(one)
    place.forgetting.add([Gone(ipaddress.ip_address("10.9.0.2"))])
    assert place.address(network, "10.9.0.2") == "10.9.0.2"
    assert not place.forgetting.is_pending(ipaddress.ip_address("10.9.0.2"))


def test_when_all_addresses_are_given_that_is_said(place: Place) -> None:
    network = bridge_network("mine", "10.9.0.0/30", subnet6="fd09::/127", gateway6="fd09::1")
    place.store.put_endpoint(endpoint(1, network))
    with pytest.raises(ResourceExhausted, match="no available IPv4 addresses on this network's address pools: mine"):
        place.address(network)
    with pytest.raises(ResourceExhausted, match="no available IPv6 addresses on this network's address pools: mine"):
        place.address6(network)


def test_an_address_may_be_asked_for_only_where_the_user_chose_the_subnet(place: Place) -> None:
    assert place.address(bridge_network("mine", ipam_given=True), "10.9.0.9") == "10.9.0.9"
    with pytest.raises(InvalidArgument, match="with user configured subnets"):
        place.address(bridge_network("mine"), "10.9.0.9")


def test_a_family_that_the_network_has_not_gives_none_and_refuses_a_wish(place: Place) -> None:
    only6 = replace(bridge_network("mine", subnet6="fd09::/64", gateway6="fd09::1"), subnet="", gateway="")
    assert (place.address(only6), place.address6(only6)) == ("None", "fd09::2")
    with pytest.raises(InvalidArgument, match="with user configured subnets"):
        place.address(only6, "10.9.0.9")
    with pytest.raises(InvalidArgument, match="with user configured subnets"):
        place.address6(bridge_network("mine"), "fd09::9")


def test_when_a_subnet_is_full_the_next_one_gives(place: Place) -> None:
    more = [{"subnet": "10.8.0.0/24", "gateway": "10.8.0.1", "ip_range": "10.8.0.64/26", "gateway_shown": True}]
    network = bridge_network("lan", "10.9.0.0/30", driver="macvlan", more=more, ipam_given=True)
    assert str(place.addresses.choose(network, 4, "")) == "10.9.0.2/30"
    place.store.put_endpoint(endpoint(1, network))
    assert str(place.addresses.choose(network, 4, "")) == "10.8.0.64/24"
    assert str(place.addresses.choose(network, 4, "10.8.0.5")) == "10.8.0.5/24"
    with pytest.raises(InvalidArgument, match="no configured subnet or ip-range contain the IP address 10.7.0.1"):
        place.addresses.choose(network, 4, "10.7.0.1")
    with pytest.raises(Conflict, match="Address already in use"):
        place.addresses.choose(network, 4, "10.8.0.1")
