"""What somebody else took away is made again (on a real kernel: integration/engine/networks/test_tampering)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.networks import links
from engine.networks.model import Endpoint, Network, Sandbox
from engine.networks.restoring import Restoring
from engine.networks.store import Store
from proto.errdefs import Conflict
from tests.fakes.engine_networks import FakeBridges, FakeLinks, bridge_network, endpoint

NETWORK, SECOND = bridge_network("mine"), bridge_network("second", "10.8.0.0/24")


class FakeSandboxes:
    """Containers whose links can be made again."""

    def __init__(self) -> None:
        self.rewired: list[str] = []

    def rewire(self, network: Network, one: Endpoint, master: int) -> None:
        self.rewired.append(one.container_id)


class Place:
    """Two networks with a container each, on a kernel in memory."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(str(folder / "networks.db"))
        self.host, self.bridges, self.sandboxes = FakeLinks(), FakeBridges(), FakeSandboxes()
        for number, network in enumerate((NETWORK, SECOND), 1):
            self.store.put_network(network)
            self.store.put_endpoint(endpoint(number, network))
            self.host.links[f"veth{number}"] = links.Link(20 + number, f"veth{number}", "veth", True, 1500, 7)
        self.restoring = Restoring(self.store, self.host, self.bridges, self.sandboxes)  # type: ignore[arg-type]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.store.close()


def test_what_is_as_it_should_be_is_left_alone(place: Place) -> None:
    place.restoring.restore([NETWORK.link, SECOND.link])
    assert (place.bridges.made, place.host.messages, place.sandboxes.rewired) == ([], [], [])


def test_at_the_start_every_link_is_told_how_its_bridge_is_to_treat_it(place: Place) -> None:
    """The last engine may have died between a port's rules and its hairpin."""
    place.restoring.restore()
    assert place.host.messages == [
        message
        for number in (1, 2)
        for message in (
            links.enslave(20 + number, 7), links.bridge_port(f"veth{number}", hairpin=False, isolated=False),
        )
    ]  # fmt: skip
    assert (place.bridges.made, place.sandboxes.rewired) == ([], [])


def test_a_bridge_that_is_unsound_is_made_again_and_only_that_one(place: Place) -> None:
    place.bridges.unsound = {NETWORK.link, SECOND.link}
    place.restoring.restore([NETWORK.link])
    assert place.bridges.made == [NETWORK.link]


def test_a_link_that_left_its_bridge_is_put_back(place: Place) -> None:
    place.host.links["veth1"] = links.Link(21, "veth1", "veth", True, 1500, 0)
    place.restoring.restore(["veth1"])
    assert place.host.messages == [
        links.enslave(21, 7), links.bridge_port("veth1", hairpin=False, isolated=False),
    ]  # fmt: skip


def test_a_link_that_was_deleted_is_made_again_for_a_container_that_is_there(place: Place) -> None:
    del place.host.links["veth1"]
    place.restoring.restore()
    assert place.sandboxes.rewired == []
    place.store.put_sandbox(Sandbox("c1", "/proc/self/ns/net", {}))
    place.restoring.restore()
    assert place.sandboxes.rewired == ["c1"]


def test_one_that_cannot_be_restored_does_not_keep_the_others_from_it(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.bridges.unsound = {NETWORK.link, SECOND.link}
    place.bridges.refuse = {NETWORK.link: Conflict("bridge br-mine: 10.9.0.1/24 overlaps")}
    place.restoring.restore()
    assert place.bridges.made == [SECOND.link]
    assert "network mine could not be restored: bridge br-mine" in caplog.text
