"""The channel."""

import grpc
import pytest

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.version import Version
from proto.errdefs import NotFound, Unavailable
from tests.fakes.engine_supervisor import FakeSupervisor


async def test_every_call_names_the_namespace(server: FakeSupervisor, channel: Channel) -> None:
    await Version(channel).get()
    assert server.asked[-1][2]["containerd-namespace"] == "moby"
    assert channel.metadata("l")[1] == ("containerd-lease", "l")


async def test_a_status_is_a_fault(server: FakeSupervisor, channel: Channel) -> None:
    server.answers["Version"] = (grpc.StatusCode.NOT_FOUND, "no such thing")
    with pytest.raises(NotFound, match="no such thing"):
        await Version(channel).get()


async def test_nobody_there_is_unavailable() -> None:
    channel = Channel("/no/such/socket")
    with pytest.raises(Unavailable):
        await Version(channel).get()
    await channel.close()
