"""A small internet: who reaches whom, who does not, and what an attacker beside or inside can do.

outside ── 192.0.2.0/24 (the LAN) ── lab: the engine's host      web   front           10.96.0.0/24   fd96::/64
neighbour ─┘                                                     app   front, back     10.97.0.0/24
                                                                 db    back
                                                                 safe  vault (internal) 10.98.0.0/24
"""

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.networks import links
from engine.networks.definitions import PIN
from engine.networks.links import Interface4, Links
from engine.networks.service import Networks
from proto.errdefs import Fault
from tests import needs
from tests.integration.engine.networks.conftest import LAB_ADDRESS, OUTSIDE_ADDRESS, Lab
from tests.integration.engine.networks.test_networks import looked_up

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]

NEIGHBOUR = "192.0.2.3"
ADDRESSES = {"web": "10.96.0.2", "app": "10.96.0.3", "db": "10.97.0.3", "safe": "10.98.0.2"}
BRIDGE_MAC, UPLINK_MAC = bytes.fromhex("02420a600001"), bytes.fromhex("0200c0000201")
EVERYBODY = ("outside", "neighbour", "lab", *ADDRESSES)


def neighbour(lab: Lab) -> None:
    lab.inside_new("neighbour")

    def cable() -> None:
        host = Links()
        bridge = host.find("uplink0")
        assert bridge is not None
        with open(lab.path("neighbour")) as target:
            mac = bytes.fromhex("0200c0000203")
            host.apply(links.veth("up2", bridge.index, 1500, "up0", mac, target.fileno()))
        host.close()

    def far_end() -> None:
        host = Links()
        own = host.find("up0")
        assert own is not None
        host.apply(links.up(own.index), links.address(own.index, Interface4(f"{NEIGHBOUR}/24")))
        host.close()

    lab.inside("lab", cable)
    lab.inside("neighbour", far_end)
    lab.shell("neighbour", f"for net in 10.96 10.97 10.98; do ip route add $net.0.0/16 via {LAB_ADDRESS}; done")


async def populate(lab: Lab) -> Networks:
    networks = lab.networks()
    await networks.open()
    front = [{"Subnet": "10.96.0.0/24"}, {"Subnet": "fd96::/64"}]
    mtu = {"com.docker.network.driver.mtu": "1400"}
    await networks.create({"Name": "front", "EnableIPv6": True, "IPAM": {"Config": front}, "Options": mtu})
    await networks.create({"Name": "back", "IPAM": {"Config": [{"Subnet": "10.97.0.0/24"}]}})
    await networks.create({"Name": "vault", "Internal": True, "IPAM": {"Config": [{"Subnet": "10.98.0.0/24"}]}})
    ports = {"80/tcp": [{"HostPort": "8080"}], "81/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}]}
    for name, places, asked in (
        ("web", ("front",), {"PortBindings": ports}),
        ("app", ("front", "back"), {}),
        ("db", ("back",), {}),
        ("safe", ("vault",), {"PortBindings": {"80/tcp": [{"HostPort": "8082"}]}}),
    ):
        endpoints: dict[str, Any] = {place: {} for place in places}
        await networks.allocate(name, {"Hostname": name}, {**asked, "NetworkMode": places[0]}, endpoints)
    return networks


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Lab]:
    """Everybody is there, and the engine is gone: none of this needs it."""
    lab = Lab(tmp_path)
    neighbour(lab)

    async def build() -> None:
        await (await populate(lab)).close()

    try:
        lab.run(build)
        yield lab
    finally:
        lab.close()


def test_each_reaches_those_it_shares_a_network_with_and_the_outside(town: Lab) -> None:
    expected = {
        ("web", "app"), ("app", "web"), ("app", "db"), ("db", "app"),
        *((name, place) for name in ("web", "app", "db", "lab") for place in ("outside", "neighbour")),
        *(("lab", name) for name in ADDRESSES), ("outside", "neighbour"), ("neighbour", "outside"),
        *((name, "lab") for name in EVERYBODY if name != "lab"),
    }  # fmt: skip
    places = {**ADDRESSES, "outside": OUTSIDE_ADDRESS, "neighbour": NEIGHBOUR, "lab": LAB_ADDRESS}
    found = set()
    for name in EVERYBODY:
        with town.listen(name, 99):
            for caller in EVERYBODY:
                at = "10.97.0.2" if (caller, name) == ("db", "app") else places[name]
                if caller != name and town.tries(caller, at, 99):
                    found.add((caller, name))
    found -= {("safe", "lab")}  # an internal network ends at its bridge, whose own address is the host's
    assert found == expected - {("safe", "lab")}


def test_published_ports_are_reached_under_the_callers_own_address(town: Lab) -> None:
    with town.listen("web", 80), town.listen("web", 81):
        assert town.reach("outside", LAB_ADDRESS, 8080) == OUTSIDE_ADDRESS
        assert town.reach("neighbour", LAB_ADDRESS, 8080) == NEIGHBOUR
        assert town.reach("db", LAB_ADDRESS, 8080) == "10.96.0.1", "from another network by the host's address"
        assert town.reach("web", LAB_ADDRESS, 8080) == "10.96.0.1", "its own, by the hairpin"
        assert town.reach("app", "10.96.0.1", 8080) == "10.96.0.1"
        assert town.reach("lab", "127.0.0.1", 8081) == "10.96.0.1"
        assert town.reach("safe", LAB_ADDRESS, 8080) == "OSError", "not from an internal network"
    with town.listen("safe", 80):
        assert town.reach("outside", LAB_ADDRESS, 8082) == "ConnectionRefusedError", "nor to one"


def test_a_port_on_the_loopback_is_not_there_for_the_neighbour(town: Lab) -> None:
    """Frames with 127.0.0.1 in them: the translation comes before the kernel's own check."""
    with town.listen("web", 81), town.listen("web", 80):
        assert answered(town, "neighbour", LAB_ADDRESS, 8080), "the probe can be answered, and its sender is known"
        for port in (8081, 8080):
            assert not answered(town, "neighbour", "127.0.0.1", port)
        assert not answered(town, "neighbour", "10.96.0.2", 81), "nor by the container's own address"


def test_a_container_cannot_reach_the_hosts_loopback(town: Lab) -> None:
    with town.listen("lab", 99, "127.0.0.1"), town.listen("lab", 98):
        assert not answered(town, "web", "127.0.0.1", 99)
        assert answered(town, "web", "10.96.0.1", 98), "the probe can be answered"


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


def test_a_spoofed_router_is_believed_by_nobody(town: Lab) -> None:
    """CVE-2020-13401."""

    def state() -> list[str]:
        return [town.shell(name, "ip -6 route; ip -6 -o addr | grep -v fe80") for name in ("lab", "app")]

    before = state()
    town.inside("web", lambda: advertise_router("eth0"))
    time.sleep(0.3)
    assert state() == before
    assert "2001:db8:bad" not in "".join(before)


def test_the_networks_mtu_is_everybodys(town: Lab) -> None:
    assert "mtu 1400" in town.shell("web", "ip link show eth0")
    assert "mtu 1400" in town.shell("lab", "ip link show $(ip -o addr | grep 10.96.0.1/ | cut -d' ' -f2)")
    assert "mtu 1500" in town.shell("db", "ip link show eth0")


def test_a_routed_networks_containers_are_reached_at_their_own_address(tmp_path: Path) -> None:
    lab = Lab(tmp_path)

    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        options = {"com.docker.network.bridge.gateway_mode_ipv4": "routed"}
        pools = {"Config": [{"Subnet": "10.96.0.0/24"}]}
        await networks.create({"Name": "open", "Options": options, "IPAM": pools})
        asked = {"NetworkMode": "open", "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}
        await networks.allocate("web", {}, asked, {})
        assert networks.settings("web", asked, {})["Ports"] == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": ""}]}
        await networks.close()

    try:
        lab.run(live)
        with lab.listen("web", 80), lab.listen("web", 81), lab.listen("outside", 80):
            assert lab.reach("outside", "10.96.0.2", 80) == OUTSIDE_ADDRESS
            assert not lab.tries("outside", "10.96.0.2", 81)
            assert lab.reach("outside", LAB_ADDRESS, 8080) == "ConnectionRefusedError"
            assert lab.reach("web", OUTSIDE_ADDRESS, 80) == "10.96.0.2", "under its own address, too"
    finally:
        lab.close()


def test_a_macvlans_containers_are_hosts_of_the_lan(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    pools = {"Config": [{"Subnet": "192.0.2.0/24", "Gateway": OUTSIDE_ADDRESS, "IPRange": "192.0.2.64/26"}]}

    async def live() -> None:
        lab.shell("lab", "ip link add lan0 type veth peer name lan1; ip link set lan1 master uplink0 up;"
                  " ip link set lan0 up")  # fmt: skip
        networks = lab.networks()
        await networks.open()
        before = lab.left()
        body = {"Name": "lan", "Driver": "macvlan", "Options": {"parent": "lan0"}, "IPAM": pools}
        network = await networks.create(body)
        assert lab.left() == before
        for name in ("one", "two"):
            await networks.allocate(name, {}, {"NetworkMode": "lan"}, {})
        settings = networks.settings("one", {"NetworkMode": "lan"}, {})["Networks"]["lan"]
        assert (settings["IPAddress"], settings["Gateway"]) == ("192.0.2.64", OUTSIDE_ADDRESS)
        with lab.listen("outside", 80), lab.listen("two", 80):
            assert await asyncio.to_thread(lab.reach, "one", OUTSIDE_ADDRESS, 80) == "192.0.2.64"
            assert await asyncio.to_thread(lab.reach, "one", "192.0.2.65", 80) == "192.0.2.64"
        await networks.disconnect("two", network)
        assert "eth0" not in lab.shell("two", "ip -o link")
        if "ipvlan" not in Path("/proc/kallsyms").read_text():
            body = {"Name": "ip", "Driver": "ipvlan", "Options": {"parent": "uplink0"}}
            with pytest.raises(Fault, match="network driver ipvlan is not in this kernel"):
                await networks.create(body)
        await networks.close()

    try:
        lab.run(live)
    finally:
        lab.close()


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


def advertise_router(interface: str) -> None:
    """A router advertisement with a prefix to make addresses of."""
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 86400, 0) + socket.inet_pton(
        socket.AF_INET6, "2001:db8:bad::"
    )
    message = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sending:
        sending.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sending.sendto(message, ("ff02::1", 0, 0, socket.if_nametoindex(interface)))


def answered(lab: Lab, name: str, address: str, port: int) -> bool:
    """Send a SYN in a frame of our own making to the engine's host; whether a SYN-ACK for it comes."""

    interface, host = ("eth0", BRIDGE_MAC) if name in ADDRESSES else ("up0", UPLINK_MAC)

    def probe() -> bool:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as wire:
            wire.bind((interface, 0x0800))
            wire.settimeout(0.4)
            own = wire.getsockname()[4]
            source = own_address(interface)
            wire.send(host + own + b"\x08\x00" + syn(source, address, port))
            deadline = time.monotonic() + 0.4
            while time.monotonic() < deadline:
                try:
                    frame = wire.recv(2048)
                except TimeoutError:
                    return False
                if frame[23] == socket.IPPROTO_TCP and frame[34:38] == struct.pack("!HH", port, 4321):
                    return frame[47] == 0x12
            return False

    return lab.inside(name, probe)


def own_address(interface: str) -> str:
    inner = Links()
    link = inner.find(interface)
    assert link is not None
    found = str(inner.addresses(link.index)[0].ip)
    inner.close()
    return found


def syn(source: str, destination: str, port: int) -> bytes:
    """An IPv4 packet with a TCP SYN from port 4321."""
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    segment = struct.pack("!HHIIBBHHH", 4321, port, 1, 0, 0x50, 0x02, 1024, 0, 0)
    total = checksum(ends + struct.pack("!HH", socket.IPPROTO_TCP, len(segment)) + segment)
    segment = segment[:16] + struct.pack("!H", total) + segment[18:]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, socket.IPPROTO_TCP, 0) + ends
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + segment


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
