"""Snapshots as a namespace sees them, on the overlay driver's folders (nothing is mounted)."""

from pathlib import Path

import pytest

from proto.errdefs import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from supervisor.core.leases import Lease, Resource, current_lease
from supervisor.core.snapshots import Info, Kind
from supervisor.metadata.claims import Claims
from supervisor.metadata.db import Database
from supervisor.metadata.leases import LeaseTable
from supervisor.metadata.snapshots import NamespacedSnapshots
from supervisor.snapshots.overlay import OverlaySnapshotter
from tests.fakes.supervisor_events import RecordingExchange

O = "overlayfs"  # noqa: E741 -- the driver, in every call


@pytest.fixture
def driver(tmp_path: Path, db: Database) -> OverlaySnapshotter:
    return OverlaySnapshotter(str(tmp_path / "o"), db)


@pytest.fixture
def snapshots(db: Database, driver: OverlaySnapshotter, exchange: RecordingExchange) -> NamespacedSnapshots:
    return NamespacedSnapshots(db, {O: driver}, exchange, Claims())


def test_two_namespaces_may_use_the_same_key(snapshots: NamespacedSnapshots, driver: OverlaySnapshotter) -> None:
    """The driver knows them apart."""
    assert snapshots.prepare("a", O, "k") != snapshots.prepare("b", O, "k")
    assert [info.name for info in snapshots.list("a", O)] == ["k"]
    assert sorted(info.name for info in driver.walk()) == ["a/1/k", "b/2/k"]


def test_a_snapshots_life_is_told(snapshots: NamespacedSnapshots, exchange: RecordingExchange) -> None:
    """Prepare, commit, remove; views are nobody's business."""
    snapshots.prepare("ns", O, "k")
    snapshots.commit("ns", O, "n", "k")
    snapshots.view("ns", O, "v", "n")
    snapshots.remove("ns", O, "v")
    snapshots.remove("ns", O, "n")
    assert exchange.topics == [
        "/snapshot/prepare",
        "/snapshot/commit",
        "/snapshot/remove",
        "/snapshot/remove",
    ]


def test_the_driver_sees_only_labels_meant_for_it(snapshots: NamespacedSnapshots, driver: OverlaySnapshotter) -> None:
    """The namespace keeps all of them."""
    labels = {"mine": "1", "containerd.io/snapshot/x": "2"}
    snapshots.prepare("ns", O, "k", "", labels)
    assert snapshots.stat("ns", O, "k").labels == labels
    assert next(driver.walk()).labels == {"containerd.io/snapshot/x": "2"}
    updated = snapshots.update(
        "ns", O, Info("k", labels={"containerd.io/snapshot/x": "9"}), ["labels.containerd.io/snapshot/x"]
    )
    assert updated.labels == {"mine": "1", "containerd.io/snapshot/x": "9"}
    assert next(driver.walk()).labels == {"containerd.io/snapshot/x": "9"}
    with pytest.raises(InvalidArgument, match='cannot update "kind" field on snapshot "k"'):
        snapshots.update("ns", O, Info("k"), ["kind"])
    with pytest.raises(InvalidArgument):
        snapshots.update("ns", O, Info(""))


def test_a_failed_commit_leaves_all_as_it_was(snapshots: NamespacedSnapshots, driver: OverlaySnapshotter) -> None:
    """Rows of the namespace and of the driver are one transaction."""
    snapshots.prepare("ns", O, "k")
    snapshots.commit("ns", O, "n", "k")
    snapshots.view("ns", O, "v", "n")
    with pytest.raises(FailedPrecondition):
        snapshots.commit("ns", O, "m", "v")
    assert {info.name: info.kind for info in snapshots.list("ns", O)} == {"n": Kind.COMMITTED, "v": Kind.VIEW}
    assert len(list(driver.walk())) == 2
    with pytest.raises(AlreadyExists, match='snapshot "n": already exists'):
        snapshots.commit("ns", O, "n", "v")
    with pytest.raises(NotFound, match="snapshot zz does not exist"):
        snapshots.commit("ns", O, "m", "zz")


def test_parents_are_found_by_the_namespaces_names(snapshots: NamespacedSnapshots) -> None:
    """At prepare, and given late at commit."""
    snapshots.prepare("ns", O, "k1")
    snapshots.commit("ns", O, "n1", "k1")
    snapshots.prepare("ns", O, "k2", "n1")
    assert snapshots.stat("ns", O, "k2").parent == "n1"
    snapshots.prepare("ns", O, "k3")
    snapshots.commit("ns", O, "n3", "k3", parent="n1")
    assert snapshots.stat("ns", O, "n3").parent == "n1"
    with pytest.raises(FailedPrecondition, match="cannot remove snapshot with child"):
        snapshots.remove("ns", O, "n1")
    snapshots.prepare("ns", O, "k4")
    with pytest.raises(NotFound, match="parent snapshot nope does not exist"):
        snapshots.commit("ns", O, "n4", "k4", parent="nope")
    with pytest.raises(NotFound, match="parent snapshot n1 does not exist"):
        snapshots.prepare("other", O, "k", "n1")


def test_a_reference_to_a_layer_that_is_there_stops_the_unpacking(snapshots: NamespacedSnapshots, db: Database) -> None:
    """And the layer joins the lease, so that it stays."""
    snapshots.prepare("ns", O, "k")
    snapshots.commit("ns", O, "chain", "k")
    leases = LeaseTable(db)
    leases.create("ns", Lease("l"))
    token = current_lease.set("l")
    try:
        with pytest.raises(AlreadyExists, match='target snapshot "chain": already exists'):
            snapshots.prepare("ns", O, "extract", "", {"containerd.io/snapshot.ref": "chain"})
        snapshots.prepare("ns", O, "k2", "", {"containerd.io/snapshot.ref": "another"})
        snapshots.commit("ns", O, "n2", "k2")
    finally:
        current_lease.reset(token)
    held = leases.list_resources("ns", "l")
    assert held == [Resource("chain", "snapshots/overlayfs"), Resource("n2", "snapshots/overlayfs")]


def test_a_lease_that_is_gone_undoes_the_snapshot(snapshots: NamespacedSnapshots, driver: OverlaySnapshotter) -> None:
    """Nothing half-made is left, on disk neither."""
    token = current_lease.set("gone")
    try:
        with pytest.raises(NotFound, match="lease does not exist"):
            snapshots.prepare("ns", O, "k")
    finally:
        current_lease.reset(token)
    assert list(driver.walk()) == []
    assert list(snapshots.list("ns", O)) == []


def test_filters_choose_by_field(snapshots: NamespacedSnapshots) -> None:
    """Kind, name, parent and labels."""
    snapshots.prepare("ns", O, "k")
    snapshots.commit("ns", O, "n", "k", {"a": "1"})
    snapshots.view("ns", O, "v", "n")
    for text, expected in (
        ("kind==view", ["v"]),
        ("kind==committed", ["n"]),
        ("name==v", ["v"]),
        ("parent==n", ["v"]),
        ("labels.a==1", ["n"]),
        ("unknown", []),
    ):
        assert [info.name for info in snapshots.list("ns", O, [text])] == expected, text


def test_calls_go_to_the_driver_by_name(snapshots: NamespacedSnapshots) -> None:
    """Mounts, usage, cleanup; an unknown one is refused."""
    mounts = snapshots.prepare("ns", O, "k")
    assert snapshots.mounts("ns", O, "k") == mounts
    assert snapshots.usage("ns", O, "k").inodes == 1
    snapshots.cleanup("ns", O)
    with pytest.raises(InvalidArgument, match="snapshotter not loaded: zz"):
        snapshots.list("ns", "zz")
    with pytest.raises(InvalidArgument, match="snapshotter argument missing"):
        snapshots.remove("ns", "", "k")
    with pytest.raises(NotFound, match="snapshot zz does not exist"):
        snapshots.mounts("ns", O, "zz")
