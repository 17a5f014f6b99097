"""containerd.services.snapshots.v1: the file systems, as mounts to be made by whoever needs them."""

from collections.abc import Mapping

from engine.supervisor_client.channel import Channel
from proto.containerd.services.snapshots.v1 import snapshots_pb2, snapshots_pb2_grpc
from proto.containerd.types import mount_pb2


class Snapshots:
    """One snapshotter's snapshots."""

    def __init__(self, channel: Channel, snapshotter: str = "overlayfs") -> None:
        self._channel = channel
        self._stub = snapshots_pb2_grpc.SnapshotsStub(channel.grpc)
        self.snapshotter = snapshotter

    async def prepare(
        self, key: str, parent: str, labels: Mapping[str, str] | None = None, *, lease: str = ""
    ) -> list[mount_pb2.Mount]:
        """Make a writable snapshot on top of a committed one."""
        request = snapshots_pb2.PrepareSnapshotRequest(
            snapshotter=self.snapshotter, key=key, parent=parent, labels=labels or {}
        )
        return list((await self._channel.unary(self._stub.Prepare, request, lease=lease)).mounts)

    async def view(
        self, key: str, parent: str, labels: Mapping[str, str] | None = None, *, lease: str = ""
    ) -> list[mount_pb2.Mount]:
        """Make a read-only snapshot of a committed one."""
        request = snapshots_pb2.ViewSnapshotRequest(
            snapshotter=self.snapshotter, key=key, parent=parent, labels=labels or {}
        )
        return list((await self._channel.unary(self._stub.View, request, lease=lease)).mounts)

    async def mounts(self, key: str) -> list[mount_pb2.Mount]:
        """How to mount a snapshot."""
        request = snapshots_pb2.MountsRequest(snapshotter=self.snapshotter, key=key)
        return list((await self._channel.unary(self._stub.Mounts, request)).mounts)

    async def commit(self, name: str, key: str, labels: Mapping[str, str] | None = None, *, lease: str = "") -> None:
        """Turn a writable snapshot into a committed one."""
        request = snapshots_pb2.CommitSnapshotRequest(
            snapshotter=self.snapshotter, name=name, key=key, labels=labels or {}
        )
        await self._channel.unary(self._stub.Commit, request, lease=lease)

    async def remove(self, key: str) -> None:
        """Remove a snapshot that has no children."""
        await self._channel.unary(
            self._stub.Remove, snapshots_pb2.RemoveSnapshotRequest(snapshotter=self.snapshotter, key=key)
        )

    async def stat(self, key: str) -> snapshots_pb2.Info:
        """The record of a snapshot."""
        request = snapshots_pb2.StatSnapshotRequest(snapshotter=self.snapshotter, key=key)
        answer: snapshots_pb2.StatSnapshotResponse = await self._channel.unary(self._stub.Stat, request)
        return answer.info

    async def usage(self, key: str) -> tuple[int, int]:
        """Bytes and inodes that the snapshot itself takes."""
        request = snapshots_pb2.UsageRequest(snapshotter=self.snapshotter, key=key)
        answer = await self._channel.unary(self._stub.Usage, request)
        return answer.size, answer.inodes

    async def list(self, *filters: str) -> list[snapshots_pb2.Info]:
        """The snapshots that match one of the filters."""
        request = snapshots_pb2.ListSnapshotsRequest(snapshotter=self.snapshotter, filters=filters)
        found: list[snapshots_pb2.Info] = []
        async for answer in self._channel.stream(self._stub.List, request):
            found.extend(answer.info)
        return found
