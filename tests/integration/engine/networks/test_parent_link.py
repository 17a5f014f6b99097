"""macvlan on a real kernel: hosts of the LAN, of one of its VLANs, or of nothing at all."""

import asyncio

import pytest

from proto.errdefs import Fault
from tests import needs
from tests.network_lab import OUTSIDE_ADDRESS, PATIENCE, Lab

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]

LAN = {"Config": [{"Subnet": "192.0.2.0/24", "Gateway": OUTSIDE_ADDRESS, "IPRange": "192.0.2.64/26"}]}


def cable(lab: Lab) -> None:
    """A link of the host into the LAN, that containers may be on."""
    lab.shell("lab", "ip link add lan0 type veth peer name lan1; ip link set lan1 master uplink0 up;"
              " ip link set lan0 up")  # fmt: skip


def test_a_macvlans_containers_are_hosts_of_the_lan(lab: Lab) -> None:
    async def live() -> None:
        cable(lab)
        networks = lab.networks()
        await networks.open()
        before = lab.left()
        body = {"Name": "lan", "Driver": "macvlan", "Options": {"parent": "lan0"}, "IPAM": LAN}
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
        if not lab.has_driver("ipvlan"):
            body = {"Name": "ip", "Driver": "ipvlan", "Options": {"parent": "uplink0"}}
            with pytest.raises(Fault, match="network driver ipvlan is not in this kernel"):
                await networks.create(body)
        await networks.close()

    lab.run(live)


@pytest.mark.parametrize(("mode", "meet"), [("bridge", True), ("private", False), ("vepa", False)])
def test_whether_macvlans_meet_is_their_modes_business(lab: Lab, mode: str, meet: bool) -> None:
    """With vepa the switch outside would have to send frames back, which this one does not."""

    async def live() -> bool:
        cable(lab)
        networks = lab.networks()
        await networks.open()
        options = {"parent": "lan0", "macvlan_mode": mode}
        await networks.create({"Name": "lan", "Driver": "macvlan", "Options": options, "IPAM": LAN})
        for name in ("one", "two"):
            await networks.allocate(name, {}, {"NetworkMode": "lan"}, {})
        with lab.listen("two", 80):
            met = await asyncio.to_thread(lab.tries, "one", "192.0.2.65", 80, PATIENCE if meet else 0.5)
        await networks.close()
        return met

    assert lab.run(live) == meet


def test_a_parent_that_is_passed_through_is_one_containers(lab: Lab) -> None:
    async def live() -> None:
        cable(lab)
        networks = lab.networks()
        await networks.open()
        options = {"parent": "lan0", "macvlan_mode": "passthru"}
        await networks.create({"Name": "lan", "Driver": "macvlan", "Options": options, "IPAM": LAN})
        await networks.allocate("one", {}, {"NetworkMode": "lan"}, {})
        with lab.listen("outside", 80):
            assert await asyncio.to_thread(lab.reach, "one", OUTSIDE_ADDRESS, 80) == "192.0.2.64"
        with pytest.raises(Fault, match="failed to create the macvlan port: Invalid argument"):
            await networks.allocate("two", {}, {"NetworkMode": "lan"}, {})
        with pytest.raises(Fault, match="in mode passthru"):
            await networks.create({"Name": "more", "Driver": "macvlan", "Options": {"parent": "lan0"}})
        await networks.close()

    lab.run(live)


def test_a_vlan_is_made_for_its_networks_and_goes_with_the_last(lab: Lab) -> None:
    async def live() -> None:
        cable(lab)
        networks = lab.networks()
        await networks.open()
        before = lab.left()
        body = {"Driver": "macvlan", "Options": {"parent": "lan0.10"}}
        if not lab.has_driver("vlan id 9"):
            with pytest.raises(Fault, match="failed to create lan0.10 vlan link: VLANs .8021q. are not in this kernel"):
                await networks.create({**body, "Name": "one", "IPAM": LAN})
            assert lab.left() == before
            await networks.close()
            return
        one = await networks.create({**body, "Name": "one", "IPAM": LAN})
        two = await networks.create({**body, "Name": "two"})
        assert "vlan protocol 802.1Q id 10" in lab.shell("lab", "ip -d link show lan0.10")
        await networks.allocate("box", {}, {"NetworkMode": "one"}, {})
        with lab.listen("outside", 80):
            assert not await asyncio.to_thread(lab.tries, "box", OUTSIDE_ADDRESS, 80), "of another VLAN"
            lab.shell("outside", "ip link add link up0 name up0.10 type vlan id 10; ip addr flush dev up0;"
                      f" ip addr add {OUTSIDE_ADDRESS}/24 dev up0.10; ip link set up0.10 up")  # fmt: skip
            assert await asyncio.to_thread(lab.reach, "box", OUTSIDE_ADDRESS, 80) == "192.0.2.64"
        await networks.release("box")
        await networks.remove(one)
        assert "lan0.10" in lab.left()
        await networks.remove(two)
        assert lab.left() == before
        with pytest.raises(Fault, match="-o parent interface was not found on the host: lan9"):
            await networks.create({**body, "Name": "no", "Options": {"parent": "lan9.10"}})
        assert lab.left() == before
        await networks.close()

    lab.run(live)


def test_without_a_parent_containers_meet_each_other_and_nobody_else(lab: Lab) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        before = lab.left()
        network = await networks.create({"Name": "lonely", "Driver": "macvlan"})
        assert f"dm-{network.id[:12]}" in lab.left()
        for name in ("one", "two"):
            await networks.allocate(name, {}, {"NetworkMode": "lonely"}, {})
        settings = networks.settings("two", {"NetworkMode": "lonely"}, {})["Networks"]["lonely"]
        assert settings["Gateway"] == ""
        with lab.listen("two", 80):
            assert await asyncio.to_thread(lab.tries, "one", settings["IPAddress"], 80, PATIENCE)
        assert "default" not in lab.shell("one", "ip route")
        await networks.close()
        lab.shell("lab", f"ip link delete dm-{network.id[:12]}")
        again = lab.networks()
        await again.open()
        assert f"dm-{network.id[:12]}" in lab.left(), "made again at the start"
        for name in ("one", "two"):
            await again.release(name)
        await again.remove(again.find("lonely"))
        assert lab.left() == before
        await again.close()

    lab.run(live)
