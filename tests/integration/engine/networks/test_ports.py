"""Published ports on a real kernel: datagrams, addresses of the host, ranges, and who has a port already."""

import asyncio
import socket
from typing import Any

import pytest

from proto.errdefs import Fault
from tests import needs
from tests.network_lab import LAB_ADDRESS, OUTSIDE_ADDRESS, PATIENCE, Lab

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]


def wish(port: str, host_port: str = "", host_ip: str = "") -> dict[str, Any]:
    return {"NetworkMode": "default", "PortBindings": {port: [{"HostIp": host_ip, "HostPort": host_port}]}}


def bound(lab: Lab, name: str, port: int) -> socket.socket:
    def make() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("0.0.0.0", port))
        made.settimeout(PATIENCE)
        return made

    return lab.inside(name, make)


@pytest.mark.parametrize(
    ("caller", "address", "seen"),
    [("outside", LAB_ADDRESS, OUTSIDE_ADDRESS), ("lab", "127.0.0.1", "10.99.0.1"), ("one", "10.99.0.1", "10.99.0.1")],
)
def test_datagrams_are_answered_from_the_port_they_were_sent_to(lab: Lab, caller: str, address: str, seen: str) -> None:
    """From outside, by the host's loopback, and a container's own by the hairpin."""

    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        await networks.allocate("one", {}, wish("80/udp", "8080"), {})
        with bound(lab, "one", 80) as server, bound(lab, caller, 4000) as client:
            client.sendto(b"question", (address, 8080))
            asked, who = await asyncio.to_thread(server.recvfrom, 16)
            assert (asked, who[0]) == (b"question", seen)
            server.sendto(b"answer", who)
            assert await asyncio.to_thread(client.recvfrom, 16) == (b"answer", (address, 8080))
        await networks.close()

    lab.run(live)


def test_a_port_may_be_on_one_address_of_the_host(lab: Lab) -> None:
    async def live() -> None:
        lab.shell("lab", "ip addr add 192.0.2.7/24 dev uplink0")
        networks = lab.networks()
        await networks.open()
        await networks.allocate("one", {}, wish("80/tcp", "8080", "192.0.2.7"), {})
        await networks.allocate("two", {}, wish("80/tcp", "8080", LAB_ADDRESS), {})
        with lab.listen("one", 80), lab.listen("two", 81):
            assert await asyncio.to_thread(lab.reach, "outside", "192.0.2.7", 8080) == OUTSIDE_ADDRESS
            assert await asyncio.to_thread(lab.reach, "outside", LAB_ADDRESS, 8080) == "ConnectionRefusedError"
            assert await asyncio.to_thread(lab.reach, "lab", "127.0.0.1", 8080) == "ConnectionRefusedError"
        await networks.close()

    lab.run(live)


def test_of_a_range_each_takes_the_next_and_the_last_is_told_so(lab: Lab) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        for name, expected in (("one", "9001"), ("two", "9002")):
            await networks.allocate(name, {}, wish("80/tcp", "9001-9002"), {})
            ports = networks.settings(name, {"NetworkMode": "default"}, {})["Ports"]
            assert ports == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": expected}]}
        await refused(networks, "three", wish("80/tcp", "9001-9002"), "all ports are allocated")
        taken = "Bind for 0.0.0.0:9001 failed: port is already allocated"
        await refused(networks, "three", wish("80/tcp", "9001", "127.0.0.1"), taken)
        await networks.release("one")
        await networks.allocate("three", {}, wish("80/tcp", "9001-9002"), {})
        await networks.close()

    lab.run(live)


def test_who_has_a_port_already_is_left_alone_and_the_reason_is_dockerds(lab: Lab) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        reason = "failed to bind host port for {}:7070:10.99.0.2:80/tcp: {}"
        with socket.create_server(("127.0.0.1", 7070)):
            taken = reason.format("0.0.0.0", "address already in use")
            await refused(networks, "one", wish("80/tcp", "7070"), taken)
        foreign = reason.format("198.51.100.1", "cannot assign requested address")
        await refused(networks, "one", wish("80/tcp", "7070", "198.51.100.1"), foreign)
        await networks.allocate("one", {}, wish("80/tcp", "7070"), {})
        await networks.close()

    lab.run(live)


async def refused(networks: Any, name: str, asked: dict[str, Any], reason: str) -> None:
    with pytest.raises(Fault) as caught:
        await networks.allocate(name, {}, asked, {})
    words = str(caught.value)
    assert words.startswith("failed to set up container networking: driver failed programming external connectivity on")
    assert words.endswith(f": {reason}")
