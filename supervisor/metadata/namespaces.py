"""Namespaces and their labels."""

# ruff: noqa: S608 -- only constants of this module are put into SQL text

import sqlite3
from collections.abc import Sequence

from proto.errdefs import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from supervisor.core.fieldpaths import apply_mask, merge_key
from supervisor.core.identifiers import quoted, validate_identifier
from supervisor.core.labels import validate_labels
from supervisor.core.namespaces import Namespace
from supervisor.metadata.db import Database
from supervisor.metadata.rows import decode_map, encode_map

_CONTENTS = (("images", "images"), ("blobs", "blobs"), ("containers", "containers"))


class NamespaceTable:
    """A NamespaceStore."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, name: str) -> Namespace:
        """A namespace that does not exist is one without labels, as with the original: any name may be used."""
        with self._db.read() as connection:
            return Namespace(name, _labels(connection, name) or {})

    def list(self) -> list[Namespace]:
        with self._db.read() as connection:
            rows = connection.execute("SELECT name, labels FROM namespaces ORDER BY name").fetchall()
        return [Namespace(row[0], decode_map(row[1])) for row in rows]

    def create(self, namespace: Namespace) -> Namespace:
        validate_identifier(namespace.name)
        validate_labels(namespace.labels, "namespace.Labels")
        with self._db.write() as connection:
            try:
                connection.execute(
                    "INSERT INTO namespaces (name, labels) VALUES (?, ?)",
                    (namespace.name, encode_map(namespace.labels)),
                )
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"namespace {quoted(namespace.name)}: already exists") from error
        return namespace

    def update(self, namespace: Namespace, fieldpaths: Sequence[str] = ()) -> Namespace:
        validate_identifier(namespace.name)
        with self._db.write() as connection:
            labels = dict(namespace.labels)
            if fieldpaths:
                labels = _labels(connection, namespace.name) or {}
                apply_mask(
                    fieldpaths,
                    {},
                    {"labels": lambda key: merge_key(labels, namespace.labels, key)},
                    lambda path: InvalidArgument(f"cannot update {quoted(path)} field"),
                )
            validate_labels(labels, "namespace.Labels")
            connection.execute(
                "REPLACE INTO namespaces (name, labels) VALUES (?, ?)", (namespace.name, encode_map(labels))
            )
        return Namespace(namespace.name, labels)

    def delete(self, name: str) -> None:
        with self._db.write() as connection:
            if _labels(connection, name) is None:
                raise NotFound(f"namespace {quoted(name)}: not found")
            if remaining := _remaining(connection, name):
                raise FailedPrecondition(
                    f"namespace {quoted(name)} must be empty, but it still has {', '.join(remaining)}: "
                    "failed precondition"
                )
            for table in ("leases", "lease_resources", "ingests", "sandboxes"):
                connection.execute(f"DELETE FROM {table} WHERE namespace = ?", (name,))
            connection.execute("DELETE FROM namespaces WHERE name = ?", (name,))
            self._db.references_removed("content")  # its unfinished writes


def _labels(connection: sqlite3.Connection, name: str) -> dict[str, str] | None:
    row = connection.execute("SELECT labels FROM namespaces WHERE name = ?", (name,)).fetchone()
    return None if row is None else decode_map(row[0])


def _remaining(connection: sqlite3.Connection, name: str) -> list[str]:
    remaining = [
        noun
        for noun, table in _CONTENTS
        if connection.execute(f"SELECT 1 FROM {table} WHERE namespace = ? LIMIT 1", (name,)).fetchone()
    ]
    rows = connection.execute(
        "SELECT DISTINCT snapshotter FROM snapshots WHERE namespace = ? ORDER BY snapshotter", (name,)
    )
    return remaining + [f"snapshots on {quoted(row[0])} snapshotter" for row in rows]
