"""Version."""

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.version import Version
from proto.containerd.services.version.v1 import version_pb2
from tests.fakes.engine_supervisor import FakeSupervisor


async def test_the_peer_says_who_it_is(server: FakeSupervisor, channel: Channel) -> None:
    server.answers["Version"] = version_pb2.VersionResponse(version="v2")
    assert (await Version(channel).get(patient=True, timeout=5)).version == "v2"
