"""Leases and the caller's own."""

import pytest

from proto.errdefs import AlreadyExists, InvalidArgument, NotFound, Unimplemented
from supervisor.core.leases import Lease, Resource, current_lease
from supervisor.metadata.db import Database
from supervisor.metadata.leases import LeaseTable, lease_resource, release_resource

DIGEST = "sha256:" + "a" * 64


def test_leases_are_made_found_and_deleted(db: Database) -> None:
    """With what they held."""
    table, heard = LeaseTable(db), []
    table.create("ns", Lease("a", {"x": "1"}))
    table.create("ns", Lease("b"))
    with pytest.raises(AlreadyExists, match='lease "a": already exists'):
        table.create("ns", Lease("a"))
    with pytest.raises(InvalidArgument):
        table.create("ns", Lease(""))
    assert [lease.id for lease in table.list("ns", ["labels.x==1", "id==b"])] == ["a", "b"]
    assert table.list("ns", ["labels.y"]) == []
    table.add_resource("ns", "a", Resource(DIGEST, "content"))
    db.on_mutation(heard.append)
    table.delete("ns", "a")
    assert heard == [True]
    with pytest.raises(NotFound, match='lease "a": not found'):
        table.list_resources("ns", "a")
    table.create("ns", Lease("a"))
    assert table.list_resources("ns", "a") == []


def test_a_resource_is_held_once(db: Database) -> None:
    """However often it is added."""
    table = LeaseTable(db)
    table.create("ns", Lease("a"))
    for _ in range(2):
        table.add_resource("ns", "a", Resource("k", "snapshots/overlayfs"))
    assert table.list_resources("ns", "a") == [Resource("k", "snapshots/overlayfs")]
    table.delete_resource("ns", "a", Resource("k", "snapshots/overlayfs"))
    table.delete_resource("ns", "a", Resource("k", "snapshots/overlayfs"))
    assert table.list_resources("ns", "a") == []


@pytest.mark.parametrize(
    ("resource", "fault"),
    [
        (Resource("x", "content"), InvalidArgument),
        (Resource("x", "images/y"), InvalidArgument),
        (Resource("x", "snapshots"), InvalidArgument),
        (Resource("x", "snapshots/a/b"), InvalidArgument),
        (Resource("x", "containers"), Unimplemented),
    ],
)
def test_what_is_no_resource_is_refused(db: Database, resource: Resource, fault: type[Exception]) -> None:
    """Both ways."""
    table = LeaseTable(db)
    table.create("ns", Lease("a"))
    for call in (table.add_resource, table.delete_resource):
        with pytest.raises(fault):
            call("ns", "a", resource)


def test_new_things_join_the_callers_lease(db: Database) -> None:
    """If it has one that exists."""
    table = LeaseTable(db)
    table.create("ns", Lease("a"))
    thing = Resource("r", "ingests")
    with db.write() as connection:
        assert not lease_resource(connection, "ns", thing)
    token = current_lease.set("a")
    try:
        with db.write() as connection:
            assert lease_resource(connection, "ns", thing)
        assert table.list_resources("ns", "a") == [thing]
        with db.write() as connection:
            release_resource(connection, "ns", thing)
        assert table.list_resources("ns", "a") == []
        current_lease.set("gone")
        with pytest.raises(NotFound, match="lease does not exist"), db.write() as connection:
            lease_resource(connection, "ns", thing)
    finally:
        current_lease.reset(token)
