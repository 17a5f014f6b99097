"""containerd.services.snapshots.v1; its answers are in tests/contract/test_metadata_store.py."""

from pathlib import Path

from google.protobuf.field_mask_pb2 import FieldMask

from proto.containerd.services.snapshots.v1 import snapshots_pb2 as api
from supervisor.metadata.claims import Claims
from supervisor.metadata.db import Database
from supervisor.metadata.snapshots import NamespacedSnapshots
from supervisor.services.snapshots import SnapshotsService
from supervisor.snapshots.native import NativeSnapshotter
from supervisor.snapshots.overlay import OverlaySnapshotter
from tests.fakes.grpc_context import Context
from tests.fakes.supervisor_events import RecordingExchange


async def test_a_snapshots_life(db: Database, exchange: RecordingExchange, context: Context, tmp_path: Path) -> None:
    """With a driver that copies and one that does not."""
    drivers = {
        "overlayfs": OverlaySnapshotter(str(tmp_path / "o"), db),
        "native": NativeSnapshotter(str(tmp_path / "n"), db),
    }
    service = SnapshotsService(NamespacedSnapshots(db, drivers, exchange, Claims()))
    for name in drivers:
        made = await service.Prepare(api.PrepareSnapshotRequest(snapshotter=name, key="k"), context)
        found = await service.Mounts(api.MountsRequest(snapshotter=name, key="k"), context)
        assert list(made.mounts) == list(found.mounts)
        await service.Commit(api.CommitSnapshotRequest(snapshotter=name, key="k", name="n"), context)
        await service.View(api.ViewSnapshotRequest(snapshotter=name, key="v", parent="n"), context)
        update = api.UpdateSnapshotRequest(
            snapshotter=name,
            info=api.Info(name="v", labels={"a": "1"}),
            update_mask=FieldMask(paths=["labels"]),
        )
        updated = (await service.Update(update, context)).info
        stat = (await service.Stat(api.StatSnapshotRequest(snapshotter=name, key="v"), context)).info
        assert stat == updated
        assert (stat.kind, stat.parent, dict(stat.labels)) == (api.VIEW, "n", {"a": "1"})
        usage = await service.Usage(api.UsageRequest(snapshotter=name, key="n"), context)
        assert usage.inodes == 1
        await service.Remove(api.RemoveSnapshotRequest(snapshotter=name, key="v"), context)
        await service.Cleanup(api.CleanupRequest(snapshotter=name), context)


async def test_a_list_comes_in_blocks(
    db: Database, exchange: RecordingExchange, context: Context, tmp_path: Path
) -> None:
    """Of a hundred; none for nothing."""
    drivers = {"overlayfs": OverlaySnapshotter(str(tmp_path / "o"), db)}
    service = SnapshotsService(NamespacedSnapshots(db, drivers, exchange, Claims()))
    request = api.ListSnapshotsRequest(snapshotter="overlayfs")
    assert [block async for block in service.List(request, context)] == []
    for number in range(150):
        await service.Prepare(api.PrepareSnapshotRequest(snapshotter="overlayfs", key=f"k{number}"), context)
    assert [len(block.info) async for block in service.List(request, context)] == [100, 50]
