"""What others do to the host while the engine runs, and while it does not: all of it is put back."""

import asyncio

import pytest

from engine.networks.service import Networks
from tests import needs
from tests.network_lab import LAB_ADDRESS, OUTSIDE_ADDRESS, Lab, eventually

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]

PORTS = {"NetworkMode": "mine", "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}
POOLS = {"Config": [{"Subnet": "10.96.0.0/24"}, {"Subnet": "fd96::/64"}]}
BODY = {
    "Name": "mine", "EnableIPv6": True, "IPAM": POOLS, "Options": {"com.docker.network.bridge.name": "mine0"},
}  # fmt: skip
TAMPERINGS = [
    "ip link delete mine0",
    "ip addr flush dev mine0",
    "ip addr del 10.96.0.1/24 dev mine0",
    "ip -6 addr del fd96::1/64 dev mine0",
    "ip link set mine0 down",
    "for one in $(ls /sys/class/net/mine0/brif); do ip link set $one nomaster; done",
    "for one in $(ls /sys/class/net/mine0/brif); do ip link delete $one; done",
]


async def begin(lab: Lab) -> Networks:
    networks = lab.networks()
    await networks.open()
    await networks.create(BODY)
    await networks.allocate("one", {"Hostname": "one"}, PORTS, {"mine": {}})
    await networks.allocate("two", {"Hostname": "two"}, {"NetworkMode": "mine"}, {"mine": {}})
    return networks


def is_whole(lab: Lab) -> bool:
    """Out, in by the port, in by the hairpin, to a neighbour by both families."""
    return (
        lab.tries("one", OUTSIDE_ADDRESS, 80, 3.0)
        and lab.tries("outside", LAB_ADDRESS, 8080, 3.0)
        and lab.tries("one", LAB_ADDRESS, 8080, 3.0)
        and lab.tries("two", "10.96.0.2", 80, 3.0)
        and lab.tries("two", "fd96::2", 80, 3.0)
    )


@pytest.mark.parametrize("command", TAMPERINGS)
def test_what_is_taken_away_comes_back_by_itself(lab: Lab, command: str) -> None:
    async def live() -> None:
        networks = await begin(lab)
        with lab.listen("one", 80, "::"), lab.listen("outside", 80):
            await eventually(lambda: asyncio.to_thread(is_whole, lab))
            await asyncio.to_thread(lab.shell_in_host, command)
            await eventually(lambda: asyncio.to_thread(is_whole, lab))
        await networks.close()

    lab.run(live)


def test_what_was_taken_away_while_no_engine_ran_is_back_when_one_does(lab: Lab) -> None:
    async def first() -> None:
        await (await begin(lab)).close()

    async def second() -> None:
        networks = lab.networks()
        await networks.open()
        await networks.reconcile(["one", "two"])
        with lab.listen("one", 80, "::"), lab.listen("outside", 80):
            await eventually(lambda: asyncio.to_thread(is_whole, lab))
        await networks.close()

    lab.run(first)
    lab.shell_in_host("; ".join(reversed(TAMPERINGS)))
    lab.run(second)


def test_what_we_take_away_ourselves_stays_away(lab: Lab) -> None:
    async def live() -> None:
        networks = await begin(lab)
        for name in ("one", "two"):
            await networks.release(name)
        await networks.remove(networks.find("mine"))
        await networks.create({"Name": "other"})
        await asyncio.sleep(0.2)
        assert "mine0" not in lab.left()
        await networks.close()

    lab.run(live)
