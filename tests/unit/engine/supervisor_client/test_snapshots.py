"""Snapshots."""

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.snapshots import Snapshots
from proto.containerd.services.snapshots.v1 import snapshots_pb2
from proto.containerd.types import mount_pb2
from tests.fakes.engine_supervisor import FakeSupervisor


async def test_a_snapshots_life(server: FakeSupervisor, channel: Channel) -> None:
    mounts = [mount_pb2.Mount(type="overlay")]
    info = snapshots_pb2.Info(name="k", parent="p")
    server.answers |= {
        "Prepare": snapshots_pb2.PrepareSnapshotResponse(mounts=mounts),
        "View": snapshots_pb2.ViewSnapshotResponse(mounts=mounts),
        "Mounts": snapshots_pb2.MountsResponse(mounts=mounts),
        "Stat": snapshots_pb2.StatSnapshotResponse(info=info),
        "Usage": snapshots_pb2.UsageResponse(size=5, inodes=1),
        "List": [snapshots_pb2.ListSnapshotsResponse(info=[info]), snapshots_pb2.ListSnapshotsResponse(info=[info])],
    }
    snapshots = Snapshots(channel)
    assert await snapshots.prepare("k", "p", {"a": "b"}, lease="l") == mounts
    assert server.asked[-1][2]["containerd-lease"] == "l"
    assert dict(server.request(snapshots_pb2.PrepareSnapshotRequest).labels) == {"a": "b"}
    assert await snapshots.view("k", "p") == mounts
    assert await snapshots.mounts("k") == mounts
    assert (await snapshots.stat("k")).parent == "p"
    assert await snapshots.usage("k") == (5, 1)
    assert len(await snapshots.list()) == 2
    await snapshots.commit("n", "k")
    assert server.request(snapshots_pb2.CommitSnapshotRequest).name == "n"
    await snapshots.remove("k")
    assert server.request(snapshots_pb2.RemoveSnapshotRequest).snapshotter == "overlayfs"
