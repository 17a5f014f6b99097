"""The routes about networks, over networks and containers in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.api.routes.networks import routes
from engine.networks.model import Endpoint, Network
from engine.networks.request import Attachment
from proto.errdefs import NotFound
from tests.fakes.engine_api import Client, served
from tests.fakes.engine_networks import bridge_network, endpoint


class FakeNetworks:
    """A list of networks."""

    def __init__(self) -> None:
        self.networks = [bridge_network(), bridge_network("mine", "10.8.0.0/24", ipam_given=True)]
        self.placed: list[Endpoint] = []
        self.calls: list[tuple[str, str, str]] = []

    def all(self) -> list[Network]:
        return self.networks

    def find(self, text: str) -> Network:
        for network in self.networks:
            if network.name == text or network.id.startswith(text):
                return network
        raise NotFound(f"network {text} not found")

    def endpoints(self, network: Network) -> list[Endpoint]:
        return [one for one in self.placed if one.network_id == network.id]

    async def create(self, body: dict[str, Any]) -> Network:
        self.networks.append(bridge_network(body["Name"], "10.7.0.0/24"))
        return self.networks[-1]

    async def remove(self, network: Network) -> None:
        self.networks.remove(network)

    async def connect(self, container_id: str, network: Network, attachment: Attachment) -> None:
        self.calls.append(("connect", container_id, attachment.address))

    async def disconnect(self, container_id: str, network: Network) -> None:
        self.calls.append(("disconnect", container_id, network.name))


@dataclass
class State:
    alive: bool = False


@dataclass
class Box:
    id: str
    name: str
    host_config: dict[str, Any]
    endpoints: dict[str, Any] = field(default_factory=dict)
    state: State = field(default_factory=State)


class Live:
    """A container as the registry hands it out."""

    def __init__(self, container: Box) -> None:
        self.container = container
        self.lock = asyncio.Lock()


class FakeRoom:
    """Containers, and how often they were saved."""

    def __init__(self) -> None:
        self.lives = {"c1": Live(Box("c1", "box", {"NetworkMode": "default"}))}
        self.registry = self
        self.saved = 0

    def find(self, text: str) -> Live:
        for live in self.lives.values():
            if text in (live.container.id, live.container.name):
                return live
        raise NotFound(f"No such container: {text}")

    def get(self, container_id: str) -> Live | None:
        return self.lives.get(container_id)

    def __iter__(self) -> Iterator[Live]:
        return iter(self.lives.values())

    def save(self, live: Live) -> None:
        self.saved += 1


@pytest.fixture
def networks() -> FakeNetworks:
    return FakeNetworks()


@pytest.fixture
def room() -> FakeRoom:
    return FakeRoom()


@pytest.fixture
async def client(networks: FakeNetworks, room: FakeRoom) -> AsyncIterator[Client]:
    async with served(routes(networks, room)) as made:  # type: ignore[arg-type]
        yield made


async def test_networks_are_listed_without_and_inspected_with_their_containers(
    client: Client, networks: FakeNetworks
) -> None:
    networks.placed = [endpoint(1, networks.networks[0])]
    _, listed = await client.ask("GET", "/networks")
    assert [(one["Name"], one["Containers"]) for one in listed] == [("bridge", {}), ("mine", {})]
    _, one = await client.ask("GET", "/networks/bridge")
    assert one["Containers"]["c1"]["Name"] == "box"
    _, old = await client.ask("GET", "/networks", "1.27")
    assert "EnableIPv4" in old[0]
    assert old[0]["Containers"] != {}


async def test_lists_are_filtered(client: Client) -> None:
    _, listed = await client.ask("GET", "/networks", params={"filters": json.dumps({"type": ["custom"]})})
    assert [one["Name"] for one in listed] == ["mine"]


async def test_a_network_is_made_and_removed(client: Client, networks: FakeNetworks) -> None:
    status, answer = await client.ask("POST", "/networks/create", json={"Name": "new"})
    assert (status, answer["Warning"]) == (201, "")
    assert await client.ask("DELETE", f"/networks/{answer['Id']}") == (204, None)
    assert await client.ask("GET", "/networks/new") == (404, {"message": "network new not found"})


async def test_a_stopped_container_is_connected_in_its_record_only(
    client: Client, networks: FakeNetworks, room: FakeRoom
) -> None:
    body = {"Container": "box", "EndpointConfig": {"IPAMConfig": {"IPv4Address": "10.8.0.9"}}}
    assert await client.ask("POST", "/networks/mine/connect", json=body) == (200, None)
    assert networks.calls == []
    assert room.lives["c1"].container.endpoints == {"mine": body["EndpointConfig"]}
    for again, kept in (({}, body["EndpointConfig"]), ({"Aliases": ["a"]}, {"Aliases": ["a"]})):
        body["EndpointConfig"] = again
        assert await client.ask("POST", "/networks/mine/connect", json=body) == (200, None)
        assert room.lives["c1"].container.endpoints == {"mine": kept}


@pytest.mark.parametrize(
    ("network", "mode", "asked", "reason"),
    [
        ("host", "bridge", {}, "cannot connect container to host network - container must be created in host network"),
        (
            "none",
            "bridge",
            {},
            "container cannot be connected to multiple networks with one of the networks in private",
        ),
        ("mine", "host", {}, "container sharing network namespace with another container or host cannot be connected"),
        ("mine", "container:x", {}, "container sharing network namespace with another container or host cannot be"),
        ("mine", "bridge", {"IPAMConfig": {"IPv4Address": "x"}}, "invalid endpoint settings:\ninvalid IPv4 address: x"),
        ("mine", "bridge", {"MacAddress": "zz"}, "invalid MAC address zz"),
    ],
)
async def test_what_cannot_be_connected_is_told_why(
    client: Client, networks: FakeNetworks, room: FakeRoom, network: str, mode: str, asked: dict[str, Any], reason: str
) -> None:
    networks.networks += [Network("h" * 64, "host", "host", ""), Network("0" * 64, "none", "null", "")]
    room.lives["c1"].container.host_config["NetworkMode"] = mode
    body = {"Container": "box", "EndpointConfig": asked}
    status, answer = await client.ask("POST", f"/networks/{network}/connect", json=body)
    assert (status, answer["message"].startswith(reason)) == (400, True)
    assert room.lives["c1"].container.endpoints == {}


async def test_a_running_container_is_connected_now(client: Client, networks: FakeNetworks, room: FakeRoom) -> None:
    room.lives["c1"].container.state.alive = True
    body = {"Container": "c1", "EndpointConfig": {"IPAMConfig": {"IPv4Address": "10.8.0.9"}}}
    await client.ask("POST", "/networks/mine/connect", json=body)
    await client.ask("POST", "/networks/mine/disconnect", json={"Container": "c1"})
    assert networks.calls == [("connect", "c1", "10.8.0.9"), ("disconnect", "c1", "mine")]
    assert room.lives["c1"].container.endpoints == {}
    assert room.saved == 2


async def test_what_is_disconnected_from_its_only_network_has_none(client: Client, room: FakeRoom) -> None:
    assert await client.ask("POST", "/networks/bridge/disconnect", json={"Container": "box"}) == (200, None)
    assert room.lives["c1"].container.host_config["NetworkMode"] == "none"
    status, _ = await client.ask("POST", "/networks/mine/disconnect", json={"Container": "box"})
    assert status == 404


async def test_a_prune_leaves_what_a_stopped_container_wants(client: Client, room: FakeRoom) -> None:
    room.lives["c1"].container.endpoints = {"mine": {}}
    assert await client.ask("POST", "/networks/prune") == (200, {"NetworksDeleted": None})
    room.lives["c1"].container.endpoints = {}
    assert await client.ask("POST", "/networks/prune") == (200, {"NetworksDeleted": ["mine"]})


async def test_who_left_the_only_network_and_joins_another_is_in_that_alone(client: Client, room: FakeRoom) -> None:
    """Compose 1 does so with each container that it has created, to give it its aliases."""
    await client.ask("POST", "/networks/bridge/disconnect", json={"Container": "box"})
    assert await client.ask("POST", "/networks/mine/connect", json={"Container": "box"}) == (200, None)
    assert room.lives["c1"].container.host_config["NetworkMode"] == "mine"
