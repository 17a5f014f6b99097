"""Hosts of other shapes: a narrow way out, IPv6 alone, no way out at all."""

import asyncio
import socket
import threading

import pytest

from tests import needs
from tests.network_lab import LAB_ADDRESS, OUTSIDE_ADDRESS, PATIENCE, Lab

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]

LAB6, OUTSIDE6 = "2001:db8::1", "2001:db8::2"
BLOCK = bytes(1 << 20)


def carried(lab: Lab, server: str, client: str, address: str, port: int, listening: int) -> int:
    """How many bytes of a block arrive."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    accepting = lab.inside(server, lambda: socket.create_server(("", listening), family=family))
    got: list[int] = []

    def take() -> None:
        connection, _ = accepting.accept()
        connection.settimeout(PATIENCE)
        with connection:
            total = 0
            while data := connection.recv(1 << 16):
                total += len(data)
            got.append(total)

    def give() -> None:
        with socket.create_connection((address, port), timeout=PATIENCE) as connection:
            connection.sendall(BLOCK)

    with accepting:
        accepting.settimeout(PATIENCE)
        thread = threading.Thread(target=take)
        thread.start()
        try:
            lab.inside(client, give)
        finally:
            thread.join()
    return sum(got)


def test_what_is_large_passes_a_way_out_that_is_narrower_than_the_bridge(lab: Lab) -> None:
    """An MTU of 1400 towards the LAN, and packets of 1500 on the bridge: the host tells containers, and is heard."""

    async def live() -> None:
        lab.shell("lab", "ip link set uplink0 mtu 1400; ip link set up1 mtu 1400")
        lab.shell("outside", "ip link set up0 mtu 1400")
        networks = lab.networks()
        await networks.open()
        ports = {"80/tcp": [{"HostPort": "8080"}]}
        await networks.allocate("one", {}, {"NetworkMode": "default", "PortBindings": ports}, {})
        assert "mtu 1500" in lab.shell("one", "ip link show eth0")
        out = await asyncio.to_thread(carried, lab, "outside", "one", OUTSIDE_ADDRESS, 90, 90)
        into = await asyncio.to_thread(carried, lab, "one", "outside", LAB_ADDRESS, 8080, 80)
        assert (out, into) == (len(BLOCK), len(BLOCK))
        await networks.close()

    lab.run(live)


@pytest.mark.parametrize("default", [True, False], ids=["with a default route", "without"])
def test_on_a_host_of_ipv6_alone_containers_reach_the_outside_and_are_reached(lab: Lab, default: bool) -> None:
    async def live() -> None:
        for name, link, own in (("lab", "uplink0", LAB6), ("outside", "up0", OUTSIDE6)):
            lab.shell(name, f"ip -4 addr flush dev {link}; echo 0 > /proc/sys/net/ipv6/conf/{link}/disable_ipv6;"
                      f" ip addr add {own}/64 dev {link} nodad")  # fmt: skip
        if default:
            lab.shell("lab", f"ip -6 route add default via {OUTSIDE6}")
        networks = lab.networks()
        await networks.open()
        pools = {"Config": [{"Subnet": "fd96::/64"}]}
        await networks.create({"Name": "six", "EnableIPv4": False, "EnableIPv6": True, "IPAM": pools})
        ports = {"80/tcp": [{"HostPort": "8080"}]}
        await networks.allocate("one", {}, {"NetworkMode": "six", "PortBindings": ports}, {"six": {}})
        with lab.listen("one", 80, "::"), lab.listen("outside", 90, "::"):
            assert await asyncio.to_thread(lab.reach, "one", OUTSIDE6, 90) == LAB6
            assert await asyncio.to_thread(lab.reach, "outside", LAB6, 8080) == OUTSIDE6
        await networks.allocate("two", {}, {"NetworkMode": "default"}, {})
        with lab.listen("two", 80):
            assert await asyncio.to_thread(lab.reach, "lab", "10.99.0.2", 80) == "10.99.0.1", "IPv4 inside all the same"
        await networks.close()

    lab.run(live)
