"""A host whose kernel has iptables alone: it is told at the start; without rules the rest works.

Debian's User-Mode Linux kernel is such a one: test_uml.py runs this in it.
"""

import asyncio
from functools import partial

import pytest

from proto.errdefs import Unimplemented
from tests import needs
from tests.network_lab import Lab, looked_up

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]

POOL = {"Config": [{"Subnet": "10.96.0.0/24"}]}


@pytest.fixture
def bare(lab: Lab) -> Lab:
    if lab.has_nftables:
        pytest.skip("needs a kernel without nftables: runs inside test_uml.py")
    return lab


def test_the_engine_says_so_and_does_not_start(bare: Lab) -> None:
    async def live() -> None:
        networks = bare.networks(iptables=True)
        with pytest.raises(Unimplemented, match="this kernel has no nftables, and iptables alone is not enough"):
            await networks.open()
        await networks.close()

    bare.run(live)


def test_without_rules_neighbours_meet_by_name(bare: Lab) -> None:
    async def live() -> None:
        networks = bare.networks(iptables=False)
        await networks.open()
        await networks.create({"Name": "front", "IPAM": POOL})
        for name in ("one", "two"):
            await networks.allocate(name, {"Hostname": name}, {"NetworkMode": "front"}, {})
        with bare.listen("two", 80):
            assert await asyncio.to_thread(bare.reach, "one", "10.96.0.3", 80) == "10.96.0.2"
        assert await asyncio.to_thread(looked_up, bare, "one", "two") == "10.96.0.3"
        assert await asyncio.to_thread(partial(looked_up, stream=True), bare, "one", "two") == "10.96.0.3"
        await networks.close()

    bare.run(live)
