"""Beside other firewalls that drop what they do not know: ufw's and Docker's chains, made by iptables-nft."""

import asyncio

import pytest

from tests import needs
from tests.network_lab import LAB_ADDRESS, OUTSIDE_ADDRESS, Lab

pytestmark = [needs.root, needs.binary("nft"), needs.binary("iptables-nft"), needs.binary("ip6tables-nft")]

LAB6, OUTSIDE6 = "2001:db8::1", "2001:db8::2"
POOLS = {"Config": [{"Subnet": "10.96.0.0/24"}, {"Subnet": "fd96::/64"}]}
WISH = {"NetworkMode": "mine", "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}
UFW = """
    -P FORWARD DROP; -P INPUT DROP; -A INPUT -i lo -j ACCEPT; -A INPUT -p 58 -j ACCEPT
    -N ufw-before-forward; -A FORWARD -j ufw-before-forward; -N ufw-user-forward; -A FORWARD -j ufw-user-forward
    -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -N ufw-reject-forward; -A FORWARD -j ufw-reject-forward
"""
DOCKER = """
    -P FORWARD DROP; -N DOCKER-USER; -N DOCKER-FORWARD; -A FORWARD -j DOCKER-USER; -A FORWARD -j DOCKER-FORWARD
    -A DOCKER-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    -A DOCKER-FORWARD -i docker0 -j ACCEPT; -A DOCKER-USER -j RETURN
"""


def install(lab: Lab, rules: str) -> None:
    lines = [line.strip() for line in rules.replace("\n", ";").split(";") if line.strip()]
    lab.shell("lab", "; ".join(f"{program} {line}" for program in ("iptables-nft", "ip6tables-nft") for line in lines))


@pytest.mark.parametrize("rules", [UFW, DOCKER], ids=["ufw", "docker"])
def test_published_ports_and_what_goes_out_pass_and_nothing_else_does(lab: Lab, rules: str) -> None:
    for name, link, own in (("lab", "uplink0", LAB6), ("outside", "up0", OUTSIDE6)):
        lab.shell(name, f"echo 0 > /proc/sys/net/ipv6/conf/{link}/disable_ipv6; ip addr add {own}/64 dev {link} nodad")
    lab.shell("outside", f"ip -6 route add default via {LAB6}")

    async def live() -> None:
        install(lab, rules)
        networks = lab.networks()
        await networks.open()
        await networks.create({"Name": "mine", "EnableIPv6": True, "IPAM": POOLS})
        await networks.allocate("one", {}, WISH, {"mine": {}})
        with lab.listen("one", 80, "::"), lab.listen("one", 81, "::"), lab.listen("outside", 80, "::"):
            for outside, host, own in (
                (OUTSIDE_ADDRESS, LAB_ADDRESS, "10.96.0.2"), (OUTSIDE6, LAB6, "fd96::2"),
            ):  # fmt: skip
                assert (await asyncio.to_thread(lab.reach, "one", outside, 80)).endswith(host)
                assert (await asyncio.to_thread(lab.reach, "outside", host, 8080)).endswith(outside)
                assert not await asyncio.to_thread(lab.tries, "outside", own, 81)
        await networks.release("one")
        await networks.remove(networks.find("mine"))
        await networks.close()

    lab.run(live)
    for program in ("iptables-nft", "ip6tables-nft"):
        assert "br-" not in lab.shell("lab", f"{program} -S"), (
            "what we added to others' chains is gone with its network"
        )
