"""containerd.services.diff.v1: layers onto file systems, and the difference of two file systems as a layer."""

from collections.abc import Iterable

from engine.supervisor_client.channel import Channel
from proto.containerd.services.diff.v1 import diff_pb2, diff_pb2_grpc
from proto.containerd.types import descriptor_pb2, mount_pb2


class Diff:
    """The diff service."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stub = diff_pb2_grpc.DiffStub(channel.grpc)

    async def apply(
        self, layer: descriptor_pb2.Descriptor, mounts: Iterable[mount_pb2.Mount], *, lease: str = ""
    ) -> descriptor_pb2.Descriptor:
        """Unpack a layer onto a file system; answers what it is uncompressed."""
        request = diff_pb2.ApplyRequest(diff=layer, mounts=mounts)
        answer: diff_pb2.ApplyResponse = await self._channel.unary(self._stub.Apply, request, lease=lease)
        return answer.applied

    async def diff(
        self,
        left: Iterable[mount_pb2.Mount],
        right: Iterable[mount_pb2.Mount],
        *,
        media_type: str,
        ref: str,
        lease: str = "",
    ) -> descriptor_pb2.Descriptor:
        """Store what is in the right one and not in the left one, as a layer."""
        request = diff_pb2.DiffRequest(left=left, right=right, media_type=media_type, ref=ref)
        answer: diff_pb2.DiffResponse = await self._channel.unary(self._stub.Diff, request, lease=lease)
        return answer.diff
