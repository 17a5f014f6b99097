"""Who descends from whom: a driver's own record of its snapshots.

A snapshot has a number, which names its folder and is never used again, and a key, which changes when it is
committed. The record lies in the metadata database, so that a change here and one in a namespace's records can be one
transaction.
"""

# ruff: noqa: S608 -- only constants of this module are put into SQL text

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from proto.errdefs import AlreadyExists, FailedPrecondition, Fault, InvalidArgument, NotFound
from supervisor.core.fieldpaths import apply_mask, merge_key
from supervisor.core.identifiers import quoted
from supervisor.core.snapshots import Info, Kind, Usage
from supervisor.metadata.db import Database
from supervisor.metadata.rows import decode_map, encode_map, next_in_sequence, now

_COLUMNS = "s.id, s.key, s.kind, s.parent_id, s.labels, s.size, s.inodes, s.created_at, s.updated_at, p.key"
_FROM = "driver_snapshots s LEFT JOIN driver_snapshots p ON p.driver = s.driver AND p.id = s.parent_id"
_ANCESTORS = """
WITH RECURSIVE chain (id, parent_id, depth) AS (
    SELECT id, parent_id, 0 FROM driver_snapshots WHERE driver = ?1 AND id = ?2
    UNION ALL
    SELECT s.id, s.parent_id, chain.depth + 1
    FROM chain JOIN driver_snapshots s ON s.driver = ?1 AND s.id = chain.parent_id
)
SELECT id FROM chain WHERE depth > 0 ORDER BY depth
"""


@dataclass(slots=True)
class Node:
    """One snapshot; `usage` is known once somebody has measured a committed one."""

    id: int
    info: Info
    parent_id: int | None
    usage: Usage | None
    ancestors: list[int] = field(default_factory=list)  # nearest first; only where they were asked for


class Lineage:
    """The snapshots of one driver."""

    def __init__(self, db: Database, driver: str) -> None:
        self._db = db
        self._driver = driver

    def get(self, key: str) -> Node:
        with self._db.read() as connection:
            return self._get(connection, key)

    def get_mountable(self, key: str) -> Node:
        """A snapshot that can be mounted, with its ancestors."""
        with self._db.read() as connection:
            node = self._get(connection, key)
            if node.info.kind is Kind.COMMITTED:
                raise FailedPrecondition(f"requested snapshot {key} not active or view: failed precondition")
            self._add_ancestors(connection, node)
        return node

    def create(self, kind: Kind, key: str, parent: str, labels: Mapping[str, str]) -> Node:
        """A new active snapshot or view, with its ancestors."""
        with self._db.write() as connection:
            parent_id = self._committed_parent(connection, parent).id if parent else None
            number = next_in_sequence(connection, f"snapshots/{self._driver}")
            created = now()
            try:
                connection.execute(
                    "INSERT INTO driver_snapshots (driver, id, key, parent_id, kind, labels, created_at, updated_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (self._driver, number, key, parent_id, kind, encode_map(labels), created, created),
                )
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"snapshot {key}: already exists") from error
            node = Node(number, Info(key, kind, parent, dict(labels), created, created), parent_id, None)
            self._add_ancestors(connection, node)
        return node

    def commit(self, name: str, key: str, labels: Mapping[str, str], parent: str | None) -> Node:
        """An active snapshot becomes a committed one under a new key; its labels are replaced, not inherited."""
        with self._db.write() as connection:
            node = self._get(connection, key)
            if node.info.kind is not Kind.ACTIVE:
                raise FailedPrecondition(f"snapshot {quoted(key)} is not active: failed precondition")
            parent_id = node.parent_id
            if parent and parent != node.info.parent:
                if node.info.parent:
                    raise InvalidArgument(
                        f"cannot change parent of active snapshot {quoted(key)} on commit: invalid argument"
                    )
                parent_id = self._committed_parent(connection, parent).id
            try:
                connection.execute(
                    "UPDATE driver_snapshots SET key = ?, kind = ?, labels = ?, parent_id = ?, created_at = ?, "
                    "updated_at = ? WHERE driver = ? AND id = ?",
                    (name, Kind.COMMITTED, encode_map(labels), parent_id, now(), now(), self._driver, node.id),
                )
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"committed snapshot {name}: already exists") from error
        return node

    def remove(self, key: str) -> Node:
        with self._db.write() as connection:
            node = self._get(connection, key)
            child = connection.execute(
                "SELECT 1 FROM driver_snapshots WHERE driver = ? AND parent_id = ? LIMIT 1", (self._driver, node.id)
            )
            if child.fetchone():
                raise FailedPrecondition("cannot remove snapshot with child: failed precondition")
            connection.execute("DELETE FROM driver_snapshots WHERE driver = ? AND id = ?", (self._driver, node.id))
        return node

    def update(self, info: Info, fieldpaths: Sequence[str]) -> Node:
        with self._db.write() as connection:
            current = self._get(connection, info.name)
            apply_mask(
                fieldpaths or ("labels",),
                {"labels": lambda: setattr(current.info, "labels", dict(info.labels))},
                {"labels": lambda key: merge_key(current.info.labels, info.labels, key)},
                lambda path: InvalidArgument(
                    f"cannot update {quoted(path)} field on snapshot {quoted(info.name)}: invalid argument"
                ),
            )
            current.info.updated_at = now()
            connection.execute(
                "UPDATE driver_snapshots SET labels = ?, updated_at = ? WHERE driver = ? AND id = ?",
                (encode_map(current.info.labels), current.info.updated_at, self._driver, current.id),
            )
        return current

    def keep_usage(self, node: Node, usage: Usage) -> None:
        """A committed snapshot never changes: measure it once."""
        with self._db.write() as connection:
            connection.execute(
                "UPDATE driver_snapshots SET size = ?, inodes = ? WHERE driver = ? AND id = ? AND kind = ?",
                (usage.size, usage.inodes, self._driver, node.id, Kind.COMMITTED),
            )

    def walk(self) -> Iterator[Node]:
        with self._db.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM {_FROM} WHERE s.driver = ? ORDER BY s.key", (self._driver,)
            ).fetchall()
        return (_node(row) for row in rows)

    def numbers(self) -> set[int]:
        """All numbers in use, hence all folders that belong to somebody."""
        with self._db.read() as connection:
            rows = connection.execute("SELECT id FROM driver_snapshots WHERE driver = ?", (self._driver,)).fetchall()
        return {row[0] for row in rows}

    def _get(self, connection: sqlite3.Connection, key: str) -> Node:
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM {_FROM} WHERE s.driver = ? AND s.key = ?", (self._driver, key)
        ).fetchone()
        if row is None:
            raise NotFound(f"snapshot {key}: not found")
        return _node(row)

    def _committed_parent(self, connection: sqlite3.Connection, parent: str) -> Node:
        try:
            node = self._get(connection, parent)
        except NotFound:
            raise NotFound(f"missing parent {quoted(parent)} bucket: not found") from None
        if node.info.kind is not Kind.COMMITTED:
            raise InvalidArgument(f"parent {quoted(parent)} is not committed snapshot: invalid argument")
        return node

    def _add_ancestors(self, connection: sqlite3.Connection, node: Node) -> None:
        if node.parent_id is not None:
            node.ancestors = [row[0] for row in connection.execute(_ANCESTORS, (self._driver, node.id))]


@contextmanager
def explaining(doing: str) -> Iterator[None]:
    """Say before a fault's own words what was being done, as the original's drivers do."""
    try:
        yield
    except Fault as fault:
        raise type(fault)(f"{doing}: {fault}") from fault


def _node(row: tuple[Any, ...]) -> Node:
    info = Info(row[1], Kind(row[2]), row[9] or "", decode_map(row[4]), row[7], row[8])
    return Node(row[0], info, row[3], None if row[5] is None else Usage(row[5], row[6]))
