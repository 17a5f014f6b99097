"""IPv6 beside IPv4 on a real kernel: addresses, ways, ports, names."""

import asyncio
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from engine.networks.request import Attachment
from engine.networks.service import Networks
from proto.errdefs import Fault
from tests import needs
from tests.network_lab import Lab

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]

POOLS = {"Config": [{"Subnet": "10.96.0.0/24"}, {"Subnet": "fd96::/64"}]}
LAB6, OUTSIDE6 = "2001:db8::1", "2001:db8::2"


def cable6(lab: Lab) -> None:
    lab.shell("lab", f"echo 0 > /proc/sys/net/ipv6/conf/uplink0/disable_ipv6; ip addr add {LAB6}/64 dev uplink0 nodad")
    lab.shell("outside", f"echo 0 > /proc/sys/net/ipv6/conf/up0/disable_ipv6; ip addr add {OUTSIDE6}/64 dev up0 nodad;"
              f" ip -6 route add default via {LAB6}")  # fmt: skip


async def two_on_mine(lab: Lab, host_config: dict[str, Any] | None = None, **body: Any) -> Networks:
    networks = lab.networks()
    await networks.open()
    await networks.create({"Name": "mine", "EnableIPv6": True, "IPAM": POOLS, **body})
    for name, asked in (("one", host_config or {}), ("two", {})):
        await networks.allocate(name, {"Hostname": name}, {**asked, "NetworkMode": "mine"}, {"mine": {}})
    return networks


def test_containers_reach_each_other_and_the_outside(lab: Lab) -> None:
    cable6(lab)

    async def live() -> None:
        networks = await two_on_mine(lab)
        settings = networks.settings("one", {"NetworkMode": "mine"}, {})["Networks"]["mine"]
        assert (settings["GlobalIPv6Address"], settings["GlobalIPv6PrefixLen"]) == ("fd96::2", 64)
        assert settings["IPv6Gateway"] == "fd96::1"
        await networks.close()

    lab.run(live)
    with lab.listen("two", 80, "::"), lab.listen("outside", 80, "::"):
        assert lab.reach("one", "fd96::3", 80) == "fd96::2"
        assert lab.reach("one", OUTSIDE6, 80) == LAB6, "under the host's address"
        assert not lab.tries("outside", "fd96::3", 80), "nobody gets in unasked"


def test_a_port_is_published_under_both_families_with_the_callers_own_address(lab: Lab) -> None:
    cable6(lab)

    async def live() -> None:
        wish = {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}
        networks = await two_on_mine(lab, wish)
        ports = networks.settings("one", {"NetworkMode": "mine"}, {})["Ports"]
        assert ports == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}]}
        await networks.close()

    lab.run(live)
    with lab.listen("one", 80, "::"):
        assert lab.reach("outside", LAB6, 8080) == OUTSIDE6
        assert lab.reach("outside", "192.0.2.1", 8080).endswith("192.0.2.2")
        assert lab.reach("two", "fd96::1", 8080) == "fd96::1"
        assert lab.reach("one", "fd96::1", 8080) == "fd96::1", "even for the container itself"
        assert lab.reach("lab", LAB6, 8080) in (LAB6, "fd96::1")
        assert lab.reach("lab", "::1", 8080) == "ConnectionRefusedError", "not lost: clients go on to 127.0.0.1"


def test_a_port_may_be_on_an_ipv6_address_alone(lab: Lab) -> None:
    cable6(lab)

    async def live() -> None:
        networks = await two_on_mine(lab, {"PortBindings": {"80/tcp": [{"HostIp": LAB6, "HostPort": "8080"}]}})
        await networks.close()

    lab.run(live)
    with lab.listen("one", 80, "::"):
        assert lab.reach("outside", LAB6, 8080) == OUTSIDE6
        assert lab.reach("outside", "192.0.2.1", 8080) == "ConnectionRefusedError"


def test_addresses_may_be_asked_for_and_are_in_the_hosts_file(lab: Lab) -> None:
    async def live() -> None:
        networks = await two_on_mine(lab)
        asked = {"mine": {"IPAMConfig": {"IPv6Address": "fd96::77"}}}
        sandbox = await networks.allocate("three", {"Hostname": "three"}, {"NetworkMode": "mine"}, asked)
        assert "fd96::77\tthree" in Path(sandbox.files["/etc/hosts"]).read_text()
        for address, reason in (("fd96::77", "already in use"), ("fd97::1", "no configured subnet")):
            asked = {"mine": {"IPAMConfig": {"IPv6Address": address}}}
            with pytest.raises(Fault, match=reason):
                await networks.allocate("four", {}, {"NetworkMode": "mine"}, asked)
        await networks.allocate("five", {}, {"NetworkMode": "default"}, {})
        await networks.connect("five", networks.find("mine"), Attachment("mine", address6="fd96::99", priority=1))
        assert "default via fd96::1 dev eth1" in lab.shell("five", "ip -6 route")
        await networks.close()

    lab.run(live)


def test_link_local_addresses_are_there_beside_the_containers_own(lab: Lab) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        await networks.create({"Name": "plain", "IPAM": {"Config": [{"Subnet": "10.96.0.0/24"}]}})
        asked = {"plain": {"IPAMConfig": {"LinkLocalIPs": ["169.254.8.8", "fe80::8"]}}}
        await networks.allocate("one", {}, {"NetworkMode": "plain"}, asked)
        found = lab.shell("one", "ip -o addr show eth0")
        assert all(one in found for one in ("10.96.0.2/24", "169.254.8.8/16", "fe80::8/64"))
        await networks.close()
        again = lab.networks()
        await again.open()
        await again.reconcile(["one"])
        await again.release("one")
        await again.close()

    lab.run(live)


def test_names_have_ipv6_addresses_too(lab: Lab) -> None:
    async def live() -> bytes:
        networks = lab.networks()
        await networks.open()
        await networks.create({"Name": "mine", "EnableIPv6": True, "IPAM": POOLS})
        await networks.allocate("one", {}, {"NetworkMode": "mine"}, {})
        await networks.allocate("two", {}, {"NetworkMode": "mine"}, {"mine": {"Aliases": ["db"]}})
        found = await asyncio.to_thread(lab.inside, "one", ask)
        await networks.close()
        return found

    def ask() -> bytes:
        question = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\x02db\0" + struct.pack("!HH", 28, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(30)
            asking.connect(("127.0.0.11", 53))
            asking.sendall(question)
            return asking.recv(512)

    assert socket.inet_ntop(socket.AF_INET6, lab.run(live)[-16:]) == "fd96::3"


def test_an_internal_network_ends_at_its_bridge(lab: Lab) -> None:
    cable6(lab)

    async def live() -> None:
        networks = await two_on_mine(lab, Internal=True)
        await networks.close()

    lab.run(live)
    with lab.listen("two", 80, "::"), lab.listen("outside", 80, "::"):
        assert lab.reach("one", "fd96::3", 80) == "fd96::2"
        assert lab.reach("one", OUTSIDE6, 80) == "OSError", "there is no route"


def test_when_the_network_goes_so_do_its_rules(lab: Lab) -> None:
    async def live() -> None:
        networks = await two_on_mine(lab)
        assert "table ip6 wherry_wherry0" in lab.left()
        await networks.release("one")
        await networks.release("two")
        await networks.remove(networks.find("mine"))
        await networks.close()

    lab.run(live)
    assert "ip6 wherry" not in lab.left()
    assert "br-" not in lab.left()


def test_a_network_may_have_ipv6_alone(lab: Lab) -> None:
    cable6(lab)

    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        body = {"Name": "mine", "EnableIPv4": False, "EnableIPv6": True, "IPAM": {"Config": [{"Subnet": "fd96::/64"}]}}
        network = await networks.create(body)
        wish = {"NetworkMode": "mine", "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}
        await networks.allocate("one", {"Hostname": "one"}, wish, {"mine": {}})
        asked = {"mine": {"IPAMConfig": {"IPv6Address": "fd96::77"}, "Aliases": ["db"]}}
        await networks.allocate("two", {"Hostname": "two"}, {"NetworkMode": "mine"}, asked)
        settings = networks.settings("two", {"NetworkMode": "mine"}, {})["Networks"]["mine"]
        assert (settings["IPAddress"], settings["GlobalIPv6Address"], settings["IPv6Gateway"]) == (
            "", "fd96::77", "fd96::1",
        )  # fmt: skip
        assert networks.settings("one", wish, {})["Ports"] == {"80/tcp": [{"HostIp": "::", "HostPort": "8080"}]}
        assert "inet " not in lab.shell("one", "ip addr show eth0")
        found = await asyncio.to_thread(lab.inside, "one", ask)
        assert socket.inet_ntop(socket.AF_INET6, found[-16:]) == "fd96::77"
        bad = {"NetworkMode": "mine", "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}]}}
        with pytest.raises(Fault, match="cannot publish a port on 127.0.0.1: network mine has no IPv4"):
            await networks.allocate("three", {}, bad, {})
        await networks.allocate("four", {}, {"NetworkMode": "default"}, {})
        await networks.connect("four", network, Attachment("mine"))
        assert "default via 10.99.0.1 dev eth0" in lab.shell("four", "ip route")
        assert "default via fd96::1 dev eth1" in lab.shell("four", "ip -6 route")
        await networks.close()

    def ask() -> bytes:
        question = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\x02db\0" + struct.pack("!HH", 28, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(30)
            asking.connect(("127.0.0.11", 53))
            asking.sendall(question)
            return asking.recv(512)

    lab.run(live)
    with lab.listen("one", 80, "::"), lab.listen("outside", 80, "::"):
        assert lab.reach("two", "fd96::2", 80) == "fd96::77"
        assert lab.reach("two", OUTSIDE6, 80) == LAB6
        assert lab.reach("outside", LAB6, 8080) == OUTSIDE6
    assert "leaving__br-" not in lab.shell("lab", "nft list table ip wherry_wherry0")
