"""Layers onto file systems and back, as the diff service is asked."""

import grpc
import pytest

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.diff import Diff
from proto.containerd.services.diff.v1 import diff_pb2
from proto.containerd.types import descriptor_pb2, mount_pb2
from proto.errdefs import NotFound
from tests.fakes.engine_supervisor import FakeSupervisor

LAYER = descriptor_pb2.Descriptor(media_type="application/vnd.oci.image.layer.v1.tar", digest="sha256:a", size=3)
MOUNT = mount_pb2.Mount(type="bind", source="/s", options=["rbind"])


async def test_a_layer_is_applied_under_its_lease(server: FakeSupervisor, channel: Channel) -> None:
    """The answer is the layer uncompressed."""
    server.answers["Apply"] = diff_pb2.ApplyResponse(applied=LAYER)
    assert await Diff(channel).apply(LAYER, [MOUNT], lease="l") == LAYER
    asked = server.request(diff_pb2.ApplyRequest)
    assert (asked.diff, list(asked.mounts)) == (LAYER, [MOUNT])
    assert server.asked[-1][2]["containerd-lease"] == "l"


async def test_a_difference_is_stored_under_its_reference(server: FakeSupervisor, channel: Channel) -> None:
    """Left is what was, right is what is."""
    server.answers["Diff"] = diff_pb2.DiffResponse(diff=LAYER)
    found = await Diff(channel).diff([], [MOUNT], media_type=LAYER.media_type, ref="r")
    assert found == LAYER
    asked = server.request(diff_pb2.DiffRequest)
    assert (list(asked.left), list(asked.right), asked.media_type, asked.ref) == ([], [MOUNT], LAYER.media_type, "r")


async def test_a_refusal_is_its_fault(server: FakeSupervisor, channel: Channel) -> None:
    """In the supervisor's words."""
    server.answers["Apply"] = (grpc.StatusCode.NOT_FOUND, "content digest sha256:a: not found")
    with pytest.raises(NotFound, match="content digest"):
        await Diff(channel).apply(LAYER, [MOUNT])
