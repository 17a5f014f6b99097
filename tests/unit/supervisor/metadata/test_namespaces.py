"""Namespaces."""

import pytest

from proto.errdefs import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from supervisor.core.containers import Container, RuntimeInfo
from supervisor.core.leases import Lease
from supervisor.core.namespaces import Namespace
from supervisor.core.typed import TypedValue
from supervisor.metadata.containers import ContainerTable
from supervisor.metadata.db import Database
from supervisor.metadata.leases import LeaseTable
from supervisor.metadata.namespaces import NamespaceTable


def test_namespaces_are_listed_with_their_labels(db: Database) -> None:
    """By name; one that is only used has none."""
    table = NamespaceTable(db)
    table.create(Namespace("b", {"x": "1"}))
    LeaseTable(db).create("a", Lease("l"))
    assert table.list() == [Namespace("a"), Namespace("b", {"x": "1"})]
    assert table.get("b").labels == {"x": "1"}
    assert table.get("nowhere") == Namespace("nowhere")
    with pytest.raises(AlreadyExists, match='namespace "b": already exists'):
        table.create(Namespace("b"))
    with pytest.raises(InvalidArgument):
        table.create(Namespace("no/good"))


def test_labels_are_replaced_or_merged(db: Database) -> None:
    """By mask; without one, all of them."""
    table = NamespaceTable(db)
    table.create(Namespace("a", {"x": "1", "y": "2"}))
    assert table.update(Namespace("a", {"x": "9"}), ["labels.x", "labels.y"]).labels == {"x": "9"}
    assert table.update(Namespace("a", {"z": "3", "e": ""})).name == "a"
    assert table.get("a").labels == {"z": "3"}
    with pytest.raises(InvalidArgument, match='cannot update "name" field'):
        table.update(Namespace("a"), ["name"])
    with pytest.raises(InvalidArgument, match="greater than maximum size"):
        table.update(Namespace("a", {"k": "v" * 5000}))


def test_only_an_empty_namespace_goes(db: Database) -> None:
    """And its leases with it."""
    table, containers = NamespaceTable(db), ContainerTable(db)
    containers.create("a", Container("c", RuntimeInfo("r"), TypedValue("s")))
    with db.write() as connection:
        connection.execute("INSERT INTO snapshots VALUES ('a', 'overlayfs', 'n', 'k', '', '{}', 0, 0)")
    LeaseTable(db).create("a", Lease("l"))
    words = 'namespace "a" must be empty, but it still has containers, snapshots on "overlayfs" snapshotter: failed'
    with pytest.raises(FailedPrecondition, match=words):
        table.delete("a")
    containers.delete("a", "c")
    with db.write() as connection:
        connection.execute("DELETE FROM snapshots")
    table.delete("a")
    assert (table.list(), LeaseTable(db).list("a")) == ([], [])
    with pytest.raises(NotFound, match='namespace "a": not found'):
        table.delete("a")
