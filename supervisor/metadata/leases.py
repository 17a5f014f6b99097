"""Leases, what they hold, and the caller's own lease, which new resources join."""

import sqlite3
from collections.abc import Sequence

from proto.errdefs import AlreadyExists, InvalidArgument, NotFound, Unimplemented
from supervisor.core.digests import digest_problem
from supervisor.core.filters import Adaptor, map_field, parse_filters, present
from supervisor.core.identifiers import quoted
from supervisor.core.leases import Lease, Resource, current_lease
from supervisor.metadata.db import Database
from supervisor.metadata.rows import decode_map, encode_map, ensure_namespace, now


class LeaseTable:
    """A LeaseStore."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def create(self, namespace: str, lease: Lease) -> Lease:
        if not lease.id:
            raise InvalidArgument("lease id must be provided")
        lease.created_at = now()
        with self._db.write() as connection:
            ensure_namespace(connection, namespace)
            try:
                connection.execute(
                    "INSERT INTO leases (namespace, id, labels, created_at) VALUES (?, ?, ?, ?)",
                    (namespace, lease.id, encode_map(lease.labels), lease.created_at),
                )
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"lease {quoted(lease.id)}: already exists") from error
        return lease

    def delete(self, namespace: str, lease_id: str) -> None:
        with self._db.write() as connection:
            _require(connection, namespace, lease_id)
            connection.execute("DELETE FROM leases WHERE namespace = ? AND id = ?", (namespace, lease_id))
            connection.execute("DELETE FROM lease_resources WHERE namespace = ? AND lease = ?", (namespace, lease_id))
            self._db.references_removed()

    def list(self, namespace: str, filters: Sequence[str] = ()) -> list[Lease]:
        matches = parse_filters(filters)
        with self._db.read() as connection:
            rows = connection.execute(
                "SELECT id, labels, created_at FROM leases WHERE namespace = ? ORDER BY id", (namespace,)
            )
            leases = [Lease(row[0], decode_map(row[1]), row[2]) for row in rows]
        return [lease for lease in leases if matches(_adapt(lease))]

    def add_resource(self, namespace: str, lease_id: str, resource: Resource) -> None:
        with self._db.write() as connection:
            _require(connection, namespace, lease_id)
            _check_resource(resource)
            connection.execute(
                "INSERT OR IGNORE INTO lease_resources (namespace, lease, type, id) VALUES (?, ?, ?, ?)",
                (namespace, lease_id, resource.type, resource.id),
            )

    def delete_resource(self, namespace: str, lease_id: str, resource: Resource) -> None:
        with self._db.write() as connection:
            _require(connection, namespace, lease_id)
            _check_resource(resource)
            _forget(connection, namespace, lease_id, resource)
            self._db.references_removed()

    def list_resources(self, namespace: str, lease_id: str) -> Sequence[Resource]:
        with self._db.read() as connection:
            _require(connection, namespace, lease_id)
            rows = connection.execute(
                "SELECT id, type FROM lease_resources WHERE namespace = ? AND lease = ? ORDER BY type, id",
                (namespace, lease_id),
            )
            return [Resource(row[0], row[1]) for row in rows]


def lease_resource(connection: sqlite3.Connection, namespace: str, resource: Resource) -> bool:
    """Add to the caller's lease, in the transaction that makes the resource; False when the caller has none."""
    lease_id = current_lease.get()
    if not lease_id:
        return False
    found = connection.execute("SELECT 1 FROM leases WHERE namespace = ? AND id = ?", (namespace, lease_id)).fetchone()
    if found is None:
        raise NotFound("lease does not exist: not found")
    connection.execute(
        "INSERT OR IGNORE INTO lease_resources (namespace, lease, type, id) VALUES (?, ?, ?, ?)",
        (namespace, lease_id, resource.type, resource.id),
    )
    return True


def release_resource(connection: sqlite3.Connection, namespace: str, resource: Resource) -> None:
    """Take off the caller's lease what the caller deletes."""
    if lease_id := current_lease.get():
        _forget(connection, namespace, lease_id, resource)


def _forget(connection: sqlite3.Connection, namespace: str, lease_id: str, resource: Resource) -> None:
    connection.execute(
        "DELETE FROM lease_resources WHERE namespace = ? AND lease = ? AND type = ? AND id = ?",
        (namespace, lease_id, resource.type, resource.id),
    )


def _require(connection: sqlite3.Connection, namespace: str, lease_id: str) -> None:
    found = connection.execute("SELECT 1 FROM leases WHERE namespace = ? AND id = ?", (namespace, lease_id)).fetchone()
    if found is None:
        raise NotFound(f"lease {quoted(lease_id)}: not found")


def _check_resource(resource: Resource) -> None:
    kind, *rest = resource.type.split("/")
    if kind in ("content", "ingests", "images"):
        if rest:
            raise InvalidArgument(f"invalid resource type {resource.type}: invalid argument")
        if kind == "content" and (problem := digest_problem(resource.id)):
            raise InvalidArgument(f"invalid content resource id {resource.id}: {problem}: invalid argument")
    elif kind == "snapshots":
        if len(rest) != 1:
            raise InvalidArgument(f"invalid snapshot resource type {resource.type}: invalid argument")
    else:
        raise Unimplemented(f"resource type {resource.type} not supported yet: not implemented")


def _adapt(lease: Lease) -> Adaptor:
    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["id", *_]:
                return present(lease.id)
            case ["labels", *key]:
                return map_field(key, lease.labels)
        return None

    return field
