"""Leases."""

import pytest

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.leases import Leases
from proto.containerd.services.leases.v1 import leases_pb2
from tests.fakes.engine_supervisor import FakeSupervisor


async def test_a_lease_is_held_for_a_block_and_ends_with_it(server: FakeSupervisor, channel: Channel) -> None:
    leases = Leases(channel)

    async def work() -> None:
        async with leases.hold("l") as lease:
            await leases.add(lease, "sha256:x", "content")
            assert server.request(leases_pb2.AddResourceRequest).resource.type == "content"
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        await work()
    assert [name for name, _, _ in server.asked] == ["Create", "AddResource", "Delete"]
    assert await leases.list() == []
