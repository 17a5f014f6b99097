"""Published ports change while their container runs; what stays is not touched."""

import ipaddress
import socket
from pathlib import Path

import pytest

from engine.networks import links
from engine.networks.conntrack import Gone
from engine.networks.model import Port
from engine.networks.ports import Ports
from engine.networks.publish_policy import PublishPolicy
from engine.networks.publishing import Publishing, match
from engine.networks.request import Wanted
from engine.networks.store import Store
from proto.errdefs import Internal, InvalidArgument
from tests.fakes.engine_networks import FakeBridges, FakeForgetting, FakeLinks, bridge_network, endpoint

LOOPBACK = "127.0.0.1"
NETWORK, SECOND = bridge_network("mine"), bridge_network("second", "10.8.0.0/24")


def wanted(port: int, first: int = 0, last: int = 0) -> Wanted:
    return Wanted(port, "tcp", "", first, last or first)


class Place:
    """One container on one network."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(str(folder / "networks.db"))
        self.host, self.bridges, self.held = FakeLinks(), FakeBridges(), Ports(PublishPolicy(LOOPBACK))
        self.forgetting = FakeForgetting()
        self.publishing = Publishing(
            self.store, self.host, self.bridges, self.held, str.upper, self.forgetting  # type: ignore[arg-type]
        )  # fmt: skip
        self.store.put_network(NETWORK)
        self.store.put_endpoint(endpoint(1, NETWORK))
        self.host.add("veth1")

    def place(self, *wishes: Wanted) -> tuple[Port, ...]:
        self.publishing.place("c1", wishes)
        return tuple(port for one in self.store.endpoints(container_id="c1") for port in one.ports)


@pytest.fixture
def place(tmp_path: Path):
    made = Place(tmp_path)
    yield made
    made.held.close()
    made.store.close()


def is_free(number: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((LOOPBACK, number))
        except OSError:
            return False
        return True


def test_a_port_comes_and_goes(place: Place) -> None:
    (port,) = place.place(wanted(80))
    assert not is_free(port.host_port)
    assert [one.ports for one in place.bridges.rules[NETWORK.link]] == [(port,)]
    assert place.host.messages == [links.bridge_port("veth1", hairpin=True, isolated=False)]
    assert place.place() == ()
    assert is_free(port.host_port)
    assert place.host.messages[1:] == [links.bridge_port("veth1", hairpin=False, isolated=False)]


def test_what_is_wanted_as_before_stays_with_its_number(place: Place) -> None:
    (first,) = place.place(wanted(80))
    again, second = place.place(wanted(80), wanted(81))
    assert again == first
    assert (second.port, place.place(wanted(81))) == (81, (second,))


def test_a_number_may_move_to_another_port_of_the_container(place: Place) -> None:
    (first,) = place.place(wanted(80))
    (moved,) = place.place(wanted(90, first.host_port))
    assert (moved.port, moved.host_port) == (90, first.host_port)


def test_what_cannot_be_had_changes_nothing(place: Place) -> None:
    (first,) = place.place(wanted(80))
    with socket.create_server((LOOPBACK, 0)) as taker, pytest.raises(Internal, match="endpoint C1"):
        place.place(wanted(81), wanted(82, taker.getsockname()[1]))
    (kept,) = (port for one in place.store.endpoints() for port in one.ports)
    assert kept == first
    assert not is_free(first.host_port)


def test_ports_follow_the_default_route(place: Place) -> None:
    (port,) = place.place(wanted(80))
    place.store.put_network(SECOND)
    place.store.put_endpoint(endpoint(1, SECOND, id="e2", link="veth2", interface="eth1", priority=1))
    place.publishing.place("c1", [wanted(80)])
    assert [(one.id, one.ports) for one in place.store.endpoints()] == [("e1", ()), ("e2", (port,))]
    assert set(place.bridges.rules) == {NETWORK.link, SECOND.link}


def test_a_container_on_internal_networks_publishes_nothing(place: Place) -> None:
    place.store.put_network(bridge_network("mine", internal=True))
    assert place.place(wanted(80)) == ()


def test_on_a_routed_network_nothing_of_the_host_is_held(place: Place) -> None:
    place.store.put_network(bridge_network("mine", routed=[4]))
    assert place.place(wanted(80, 8080)) == (Port(80, "tcp", LOOPBACK, 0),)
    assert place.held._held == {}
    place.publishing.hold_again()
    assert place.held._held == {"c1": {}}


def test_each_present_port_fulfils_one_wish() -> None:
    ports = [Port(80, "tcp", LOOPBACK, 8080)]
    wish = wanted(80), (LOOPBACK,)
    assert match([wish, wish], ports) == ({0: tuple(ports)}, [wish])
    other = wanted(80, 8081), (LOOPBACK,)
    assert match([other], ports) == ({}, [other])


def test_a_wish_for_both_families_needs_the_same_number_in_both() -> None:
    wish = wanted(80), ("0.0.0.0", "::")
    ports = [Port(80, "tcp", "0.0.0.0", 1), Port(80, "tcp", "0.0.0.0", 2), Port(80, "tcp", "::", 2)]
    assert match([wish], ports) == ({0: tuple(ports[1:])}, [])
    assert match([wish], ports[:2]) == ({}, [wish])


def test_an_ipv6_address_needs_ipv6_on_the_network(place: Place) -> None:
    with pytest.raises(InvalidArgument, match=r"on \[fd00::1\]: network mine has no IPv6"):
        place.place(Wanted(80, "tcp", "fd00::1", 0, 0))


def test_connections_by_a_port_that_went_are_forgotten_and_datagrams_that_were_there_before_one(place: Place) -> None:
    network = bridge_network("mine")
    tcp, udp = Port(80, "tcp", "0.0.0.0", 8080), Port(53, "udp", "0.0.0.0", 5353)
    before = endpoint(1, network, ports=(tcp,))
    place.publishing.forget_changed(before, before.with_ports((udp,)))
    own = ipaddress.ip_address("10.9.0.2")
    assert place.forgetting.forgotten == [Gone(own, 6, 8080), Gone(None, 17, 5353, (4,))]
    del place.forgetting.forgotten[:]
    place.publishing.forget_changed(before, before)
    assert place.forgetting.forgotten == []
    place.publishing.forget_endpoints([before])
    assert place.forgetting.forgotten == [Gone(own)]
