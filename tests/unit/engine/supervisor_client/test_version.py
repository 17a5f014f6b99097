"""Version."""

import pytest

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.version import Version, require_transfers
from proto.containerd.services.version.v1 import version_pb2
from proto.errdefs import FailedPrecondition
from tests.fakes.engine_supervisor import FakeSupervisor


async def test_the_peer_says_who_it_is(server: FakeSupervisor, channel: Channel) -> None:
    server.answers["Version"] = version_pb2.VersionResponse(version="v2")
    assert (await Version(channel).get(patient=True, timeout=5)).version == "v2"


@pytest.mark.parametrize("version", ["1.6.20~ds1", "v1.6.38", "1.0.2"])
def test_a_containerd_that_cannot_move_images_is_refused_by_name(version: str) -> None:
    with pytest.raises(FailedPrecondition, match=rf"containerd {version} at /run/c.sock has no transfer service"):
        require_transfers(version, "/run/c.sock")


@pytest.mark.parametrize("version", ["v1.7.0", "1.7.28", "v2.1.4", "0.1.0", "2.0.0~rc1", "dev"])
def test_newer_ones_are_taken(version: str) -> None:
    require_transfers(version, "/run/c.sock")
