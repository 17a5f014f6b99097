"""Sandboxes: what needs no kernel (the rest: integration/engine/networks)."""

import re
from pathlib import Path

import pytest

from engine.networks.addresses import Addresses
from engine.networks.files import Writer
from engine.networks.hosts_files import Wishes
from engine.networks.links import Link
from engine.networks.model import IPVLAN, Port, Sandbox
from engine.networks.ports import Ports
from engine.networks.publish_policy import PublishPolicy
from engine.networks.publishing import Publishing
from engine.networks.request import Attachment, Request, Wanted
from engine.networks.sandboxes import Sandboxes
from engine.networks.store import Store
from engine.paths import ContainerPaths
from proto.errdefs import Conflict, Internal, InvalidArgument, NotFound
from tests.fakes.engine_networks import FakeBridges, FakeForgetting, FakeLinks, bridge_network, endpoint


class Place:
    """Sandboxes on a store and a kernel in memory."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(str(folder / "networks.db"))
        self.host = FakeLinks()
        self.bridges = FakeBridges()
        self.forgetting = FakeForgetting()
        addresses = Addresses(self.store, self.host, self.forgetting)  # type: ignore[arg-type]
        writer = Writer(lambda name: ContainerPaths(str(folder / name), str(folder), name), Wishes())
        publishing = Publishing(
            self.store, self.host, self.bridges, Ports(PublishPolicy("127.0.0.1")), str.upper, self.forgetting  # type: ignore[arg-type]
        )  # fmt: skip
        self.sandboxes = Sandboxes(
            self.store, str(folder / "netns"), self.host, self.bridges, publishing, writer, addresses, str.upper  # type: ignore[arg-type]
        )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path):
    made = Place(tmp_path)
    yield made
    made.store.close()


def test_on_the_hosts_network_there_is_nothing_to_make(place: Place) -> None:
    sandbox = place.sandboxes.allocate("c1", Request("host"))
    assert sandbox.netns == "host"
    assert place.sandboxes.allocate("c1", Request("host")) == sandbox
    place.sandboxes.release("c1")
    place.sandboxes.release("c1")
    assert place.store.sandboxes() == []


def test_a_joined_container_shares_namespace_and_files(place: Place) -> None:
    place.store.put_sandbox(Sandbox("other", "/run/netns/other", {"/etc/hosts": "x"}))
    joined = place.sandboxes.allocate("c1", Request("container", joined="other"))
    assert (joined.netns, joined.files, joined.owner) == ("/run/netns/other", {"/etc/hosts": "x"}, "other")
    third = place.sandboxes.allocate("c2", Request("container", joined="c1"))
    assert third.owner == "other"


def test_a_container_that_does_not_run_cannot_be_joined(place: Place) -> None:
    with pytest.raises(Conflict, match="cannot join network of a non running container: other"):
        place.sandboxes.allocate("c1", Request("container", joined="other"))


def test_a_network_is_found_by_name_id_or_the_start_of_one(place: Place) -> None:
    mine, other = bridge_network("mine"), bridge_network("minor", "10.8.0.0/24")
    place.store.put_network(mine)
    place.store.put_network(other)
    assert (
        place.sandboxes.network("mine") == place.sandboxes.network(mine.id) == place.sandboxes.network("mine0") == mine
    )
    with pytest.raises(InvalidArgument, match="network min is ambiguous"):
        place.sandboxes.network("min")
    with pytest.raises(NotFound, match="network nope not found"):
        place.sandboxes.network("nope")


def test_what_has_no_namespace_of_its_own_cannot_be_connected(place: Place) -> None:
    place.sandboxes.allocate("c1", Request("host"))
    with pytest.raises(InvalidArgument, match="container sharing network namespace with another container or host"):
        place.sandboxes.connect("c1", bridge_network("mine"), Attachment("mine"))
    with pytest.raises(NotFound):
        place.sandboxes.connect("c9", bridge_network("mine"), Attachment("mine"))


def test_a_port_that_cannot_be_had_is_told_with_the_endpoints_name(place: Place) -> None:
    network = bridge_network("mine")
    place.store.put_network(network)
    other = endpoint(9, network, ports=(Port(80, "tcp", "127.0.0.1", 8080),))
    place.store.put_endpoint(other)
    request = Request("networks", attachments=(Attachment("mine"),), ports=(Wanted(80, "tcp", "", 8080, 8080),))
    with pytest.raises(Internal) as refused:
        place.sandboxes.allocate("c1", request)
    assert re.fullmatch(
        r"driver failed programming external connectivity on endpoint C1 \([0-9a-f]{64}\): "
        r"Bind for 127\.0\.0\.1:8080 failed: port is already allocated",
        str(refused.value),
    )
    assert place.store.endpoints() == [other]


def test_after_a_restart_the_dead_have_nothing(place: Place) -> None:
    network = bridge_network("mine")
    place.store.put_network(network)
    for number in (1, 2):
        place.store.put_endpoint(endpoint(number, network))
        place.store.put_sandbox(Sandbox(f"c{number}", "host", {}))
    place.sandboxes.reconcile(frozenset(["c2"]))
    assert [one.container_id for one in place.store.endpoints()] == ["c2"]
    assert [one.container_id for one in place.store.sandboxes()] == ["c2"]


def test_two_networks_cannot_have_one_interfaces_name(place: Place) -> None:
    one, two = bridge_network("one"), bridge_network("two", "10.8.0.0/24")
    place.store.put_network(one)
    place.store.put_network(two)
    attachments = Attachment("one", interface="wan0"), Attachment("two", interface="wan0")
    with pytest.raises(InvalidArgument, match="interface name wan0 is taken"):
        place.sandboxes.allocate("c1", Request("networks", attachments=attachments))
    assert place.store.endpoints() == []


def test_what_has_no_network_of_its_own_has_no_ports_to_publish(place: Place) -> None:
    place.sandboxes.allocate("c1", Request("host"))
    with pytest.raises(InvalidArgument, match="network mode host"):
        place.sandboxes.publish("c1", Request("host"))
    with pytest.raises(NotFound):
        place.sandboxes.publish("c9", Request("host"))


def test_an_ipvlan_has_no_hardware_address_of_its_own(place: Place) -> None:
    place.store.put_network(bridge_network("lan", driver=IPVLAN, parent="eth9", parent_mode="l2"))
    attachments = (Attachment("lan", mac="02:42:0a:09:00:09"),)
    with pytest.raises(InvalidArgument, match="ipvlan interfaces do not support custom mac address assignment"):
        place.sandboxes.allocate("c1", Request("networks", attachments=attachments))


def test_only_who_may_have_connections_has_them_forgotten(place: Place) -> None:
    """The kernel looks through all it knows, which a container that never said a word need not pay for."""
    network, lan = bridge_network("mine"), bridge_network("lan", "10.8.0.0/24", driver=IPVLAN)
    place.store.put_network(network)
    place.store.put_network(lan)
    for number, received, where, ports in (
        (1, 0, network, ()), (2, 5, network, ()), (3, 0, network, (Port(53, "udp", "0.0.0.0", 53),)), (4, 5, lan, ()),
    ):  # fmt: skip
        place.store.put_endpoint(endpoint(number, where, ports=ports))
        place.host.links[f"veth{number}"] = Link(20 + number, f"veth{number}", "veth", True, 1500, received=received)
        place.sandboxes.release(f"c{number}")
    assert [str(one.address) for one in place.forgetting.forgotten] == ["10.9.0.3", "10.9.0.4"]
