"""How a bridge's containers are reached, on a real kernel: routed, unprotected, not at all."""

import asyncio

from tests import needs
from tests.network_lab import LAB_ADDRESS, OUTSIDE_ADDRESS, Lab

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]

MODE = "com.docker.network.bridge.gateway_mode_ipv4"
POOLS = {"Config": [{"Subnet": "10.96.0.0/24"}]}


def test_a_routed_networks_containers_are_reached_at_their_own_address(lab: Lab) -> None:
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

    lab.run(live)
    with lab.listen("web", 80), lab.listen("web", 81), lab.listen("outside", 80):
        assert lab.reach("outside", "10.96.0.2", 80) == OUTSIDE_ADDRESS
        assert not lab.tries("outside", "10.96.0.2", 81)
        assert lab.reach("outside", LAB_ADDRESS, 8080) == "ConnectionRefusedError"
        assert lab.reach("web", OUTSIDE_ADDRESS, 80) == "10.96.0.2", "under its own address, too"


def test_an_unprotected_networks_containers_are_reached_at_any_port_beside_the_published(lab: Lab) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        await networks.create({"Name": "open", "Options": {MODE: "nat-unprotected"}, "IPAM": POOLS})
        asked = {"NetworkMode": "open", "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}
        await networks.allocate("web", {}, asked, {})
        await networks.close()

    lab.run(live)
    with lab.listen("web", 80), lab.listen("web", 81), lab.listen("outside", 80):
        assert lab.reach("outside", "10.96.0.2", 81) == OUTSIDE_ADDRESS
        assert lab.reach("outside", LAB_ADDRESS, 8080) == OUTSIDE_ADDRESS
        assert lab.reach("web", OUTSIDE_ADDRESS, 80) == LAB_ADDRESS, "translated on its way out"


def test_on_an_isolated_network_not_even_the_host_is_reached(lab: Lab) -> None:
    async def live() -> None:
        networks = lab.networks()
        await networks.open()
        network = await networks.create(
            {"Name": "alone", "Internal": True, "Options": {MODE: "isolated"}, "IPAM": POOLS}
        )
        assert network.gateway == ""
        for name in ("one", "two"):
            await networks.allocate(name, {}, {"NetworkMode": "alone"}, {"alone": {}})
        settings = networks.settings("two", {"NetworkMode": "alone"}, {})["Networks"]["alone"]
        assert (settings["IPAddress"], settings["Gateway"]) == ("10.96.0.2", "")
        with lab.listen("two", 80), lab.listen("lab", 81):
            assert await asyncio.to_thread(lab.reach, "one", "10.96.0.2", 80) == "10.96.0.1"
            assert not await asyncio.to_thread(lab.tries, "one", LAB_ADDRESS, 81)
        assert "10.96.0" not in lab.shell("lab", "ip -o addr; ip route")
        await networks.close()

    lab.run(live)
