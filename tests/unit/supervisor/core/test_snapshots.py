"""Snapshots as two Protocols, one above the other."""

from proto.containerd.services.snapshots.v1 import snapshots_pb2
from supervisor.core.snapshots import Kind, SnapshotStore, Snapshotter
from supervisor.metadata.snapshots import NamespacedSnapshots
from supervisor.snapshots.native import NativeSnapshotter
from supervisor.snapshots.overlay import OverlaySnapshotter
from tests.contract.protocols import assert_implements


def test_the_drivers_and_the_store_keep_their_promises() -> None:
    """Every method, with the same parameters."""
    assert_implements(OverlaySnapshotter, Snapshotter)
    assert_implements(NativeSnapshotter, Snapshotter)
    assert_implements(NamespacedSnapshots, SnapshotStore)


def test_kinds_have_the_numbers_of_the_wire() -> None:
    """So that a cast is a conversion."""
    assert {kind.name: kind.value for kind in Kind} == dict(snapshots_pb2.Kind.items())
