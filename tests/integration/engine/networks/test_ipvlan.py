"""ipvlan on a real kernel, and what becomes of containers whose parent goes down or away.

Most hosts' kernels have none of it: test_uml.py runs this in one that has.
"""

import asyncio

import pytest

from engine.networks.service import Networks
from proto.errdefs import Fault
from tests import needs
from tests.network_lab import OUTSIDE_ADDRESS, PATIENCE, Lab

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]

LAN = {"Config": [{"Subnet": "192.0.2.0/24", "Gateway": OUTSIDE_ADDRESS, "IPRange": "192.0.2.64/26"}]}
LAN0, ONE, TWO = "192.0.2.10", "192.0.2.64", "192.0.2.65"


@pytest.fixture
def cabled(lab: Lab) -> Lab:
    """With a link of the host, that has an address of its own, into the LAN."""
    if not lab.has_driver("ipvlan"):
        pytest.skip("needs a kernel with ipvlan: runs inside test_uml.py")
    cable(lab)
    lab.shell("lab", f"ip addr add {LAN0}/32 dev lan0")
    return lab


def cable(lab: Lab) -> None:
    lab.shell("lab", "ip link add lan0 type veth peer name lan1; ip link set lan1 master uplink0 up;"
              " ip link set lan0 up")  # fmt: skip


async def two_on(networks: Networks, driver: str, options: dict[str, str], ipam: object = LAN) -> None:
    await networks.open()
    await networks.create({"Name": "net", "Driver": driver, "Options": {"parent": "lan0", **options}, "IPAM": ipam})
    for name in ("one", "two"):
        await networks.allocate(name, {}, {"NetworkMode": "net"}, {})


def test_with_l2_containers_are_hosts_of_the_lan_under_one_hardware_address(cabled: Lab) -> None:
    async def live() -> None:
        networks = cabled.networks()
        await two_on(networks, "ipvlan", {})
        macs = {cabled.shell(name, "cat /proc/net/arp; ip -o link show eth0").split("link/ether ")[1].split()[0]
                for name in ("one", "two")}  # fmt: skip
        assert macs == {cabled.shell("lab", "ip -o link show lan0").split("link/ether ")[1].split()[0]}
        with cabled.listen("outside", 80), cabled.listen("two", 80):
            assert await asyncio.to_thread(cabled.reach, "one", OUTSIDE_ADDRESS, 80) == ONE
            assert await asyncio.to_thread(cabled.reach, "one", TWO, 80) == ONE
            assert await asyncio.to_thread(cabled.reach, "outside", TWO, 80) == OUTSIDE_ADDRESS
        with pytest.raises(Fault, match="ipvlan interfaces do not support custom mac address assignment"):
            await networks.allocate("three", {"MacAddress": "02:42:00:00:00:09"}, {"NetworkMode": "net"}, {})
        with pytest.raises(Fault, match="is already using parent interface lan0"):
            await networks.create({"Name": "more", "Driver": "ipvlan", "Options": {"parent": "lan0"}})
        await networks.close()

    cabled.run(live)


@pytest.mark.parametrize("mode", ["l3", "l3s"])
def test_with_l3_the_host_is_the_router_of_every_subnet(cabled: Lab, mode: str) -> None:
    async def live() -> None:
        networks = cabled.networks()
        subnets = {"Config": [{"Subnet": "10.71.0.0/24"}, {"Subnet": "10.72.0.0/24"}]}
        await networks.open()
        options = {"parent": "lan0", "ipvlan_mode": mode}
        await networks.create({"Name": "net", "Driver": "ipvlan", "Options": options, "IPAM": subnets})
        for name, address in (("one", "10.71.0.2"), ("two", "10.72.0.2")):
            asked = {"net": {"IPAMConfig": {"IPv4Address": address}}}
            await networks.allocate(name, {}, {"NetworkMode": "net"}, asked)
        assert cabled.shell("one", "ip route show default").split() == ["default", "dev", "eth0", "scope", "link"]
        cabled.shell("outside", f"ip route add 10.71.0.0/24 via {LAN0}; ip route add 10.72.0.0/24 via {LAN0}")
        with cabled.listen("outside", 80), cabled.listen("two", 80):
            assert await asyncio.to_thread(cabled.reach, "one", "10.72.0.2", 80) == "10.71.0.2"
            assert await asyncio.to_thread(cabled.reach, "one", OUTSIDE_ADDRESS, 80) == "10.71.0.2"
            assert await asyncio.to_thread(cabled.reach, "outside", "10.72.0.2", 80) == OUTSIDE_ADDRESS
        await networks.close()

    cabled.run(live)


@pytest.mark.parametrize("flag", ["private", "vepa"])
def test_whether_ipvlans_meet_is_their_flags_business(cabled: Lab, flag: str) -> None:
    """With vepa the switch outside would have to send frames back, which this one does not."""

    async def live() -> None:
        networks = cabled.networks()
        await two_on(networks, "ipvlan", {"ipvlan_flag": flag})
        with cabled.listen("outside", 80), cabled.listen("two", 80):
            assert await asyncio.to_thread(cabled.reach, "one", OUTSIDE_ADDRESS, 80) == ONE
            assert not await asyncio.to_thread(cabled.tries, "one", TWO, 80)
        await networks.close()

    cabled.run(live)


def test_a_vlan_for_ipvlans_comes_back_with_the_next_start(cabled: Lab) -> None:
    async def live() -> None:
        networks = cabled.networks()
        before = cabled.left()
        await two_on(networks, "ipvlan", {"parent": "lan0.20"})
        await networks.release("two")
        cabled.shell("lab", "ip link delete lan0.20")
        assert "eth0" not in cabled.shell("one", "ip -o link"), "the kernel took it along"
        await networks.release("one")
        await networks.allocate("two", {}, {"NetworkMode": "net"}, {})
        assert "vlan protocol 802.1Q id 20" in cabled.shell("lab", "ip -d link show lan0.20")
        cabled.shell("outside", "ip link add link up0 name up0.20 type vlan id 20; ip addr flush dev up0;"
                     f" ip addr add {OUTSIDE_ADDRESS}/24 dev up0.20; ip link set up0.20 up")  # fmt: skip
        with cabled.listen("outside", 80):
            assert await asyncio.to_thread(cabled.reach, "two", OUTSIDE_ADDRESS, 80) == ONE
        await networks.release("two")
        await networks.remove(networks.find("net"))
        await networks.close()
        assert "lan0.20" in before or "lan0.20" not in cabled.left()

    cabled.run(live)


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan"])
def test_a_parent_that_is_down_or_away_is_told_of_and_is_used_again_when_it_is_back(cabled: Lab, driver: str) -> None:
    async def live() -> None:
        networks = cabled.networks()
        await two_on(networks, driver, {})
        cabled.shell("lab", "ip link set lan0 down")
        with cabled.listen("outside", 80):
            assert not await asyncio.to_thread(cabled.tries, "one", OUTSIDE_ADDRESS, 80)
            cabled.shell("lab", "ip link set lan0 up")
            assert await asyncio.to_thread(cabled.reach, "one", OUTSIDE_ADDRESS, 80) == ONE
        for name in ("one", "two"):
            await networks.release(name)
        cabled.shell("lab", "ip link set lan0 down")
        await networks.allocate("one", {}, {"NetworkMode": "net"}, {})
        with cabled.listen("outside", 80):
            assert not await asyncio.to_thread(cabled.tries, "one", OUTSIDE_ADDRESS, 80)
            cabled.shell("lab", "ip link set lan0 up")
            assert await asyncio.to_thread(cabled.reach, "one", OUTSIDE_ADDRESS, 80) == ONE
        await networks.release("one")
        cabled.shell("lab", "ip link delete lan0")
        with pytest.raises(Fault, match="failed to set up container networking: invalid subinterface vlan name lan0"):
            await networks.allocate("one", {}, {"NetworkMode": "net"}, {})
        cable(cabled)
        await networks.allocate("one", {}, {"NetworkMode": "net"}, {})
        with cabled.listen("outside", 80):
            assert await asyncio.to_thread(cabled.reach, "one", OUTSIDE_ADDRESS, 80) == ONE
        await networks.release("one")
        await networks.remove(networks.find("net"))
        assert "lan0" in cabled.left(), "it is the host's own"
        await networks.close()

    cabled.run(live)


def test_without_a_parent_ipvlans_meet_each_other_and_nobody_else(cabled: Lab) -> None:
    async def live() -> None:
        networks = cabled.networks()
        await networks.open()
        before = cabled.left()
        network = await networks.create({"Name": "lonely", "Driver": "ipvlan"})
        assert f"di-{network.id[:12]}" in cabled.left()
        for name in ("one", "two"):
            await networks.allocate(name, {}, {"NetworkMode": "lonely"}, {})
        address = networks.settings("two", {"NetworkMode": "lonely"}, {})["Networks"]["lonely"]["IPAddress"]
        with cabled.listen("two", 80):
            assert await asyncio.to_thread(cabled.tries, "one", address, 80, PATIENCE)
        assert "default" not in cabled.shell("one", "ip route")
        for name in ("one", "two"):
            await networks.release(name)
        await networks.remove(network)
        assert cabled.left() == before
        await networks.close()

    cabled.run(live)
