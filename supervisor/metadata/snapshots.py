"""Snapshots as a namespace sees them: its own names, labels and leases, on top of the drivers.

To the driver a snapshot is called `<namespace>/<number>/<name>`, so that namespaces cannot meet. Only labels that
start with `containerd.io/snapshot/` (and `containerd.io/snapshot.ref`) reach it.
"""

# ruff: noqa: S608 -- only constants of this module are put into SQL text

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from proto.errdefs import AlreadyExists, FailedPrecondition, Fault, InvalidArgument, NotFound
from proto.failpoints import reached
from supervisor.core.events import EventPublisher
from supervisor.core.fieldpaths import apply_mask, merge_key
from supervisor.core.filters import Adaptor, map_field, parse_filters
from supervisor.core.identifiers import quoted
from supervisor.core.labels import SNAPSHOT_REF, inherited_labels, validate_labels
from supervisor.core.leases import Resource
from supervisor.core.snapshots import Info, Kind, Mount, Snapshotter, Usage
from supervisor.events import topics
from supervisor.metadata.claims import Claims
from supervisor.metadata.db import Database
from supervisor.metadata.leases import lease_resource, release_resource
from supervisor.metadata.rows import decode_map, encode_map, ensure_namespace, next_in_sequence, now

logger = logging.getLogger(__name__)

Mounts = list[Mount]

_COLUMNS = "name, backend_key, parent, labels, created_at, updated_at"


class Row(NamedTuple):
    """A namespace's record of a snapshot."""

    name: str
    backend_key: str
    parent: str
    labels: str
    created_at: int
    updated_at: int


class NamespacedSnapshots:
    """A SnapshotStore."""

    def __init__(
        self, db: Database, drivers: Mapping[str, Snapshotter], publisher: EventPublisher, claims: Claims
    ) -> None:
        self._db = db
        self._drivers = drivers
        self._publisher = publisher
        self._claims = claims

    def capabilities(self, snapshotter: str) -> tuple[str, ...]:
        return self._driver(snapshotter).capabilities

    def stat(self, namespace: str, snapshotter: str, key: str) -> Info:
        driver = self._driver(snapshotter)
        with self._db.read() as connection:
            row = _select(connection, namespace, snapshotter, key)
        return _merged(driver.stat(row.backend_key), row)

    def update(self, namespace: str, snapshotter: str, info: Info, fieldpaths: Sequence[str] = ()) -> Info:
        driver = self._driver(snapshotter)
        if not info.name:
            raise InvalidArgument("invalid argument")
        with self._db.write() as connection:
            row = _select(connection, namespace, snapshotter, info.name)
            updated = Info(info.name, labels=decode_map(row.labels))
            apply_mask(
                fieldpaths or ("labels",),
                {"labels": lambda: setattr(updated, "labels", dict(info.labels))},
                {"labels": lambda key: merge_key(updated.labels, info.labels, key)},
                lambda path: InvalidArgument(
                    f"cannot update {quoted(path)} field on snapshot {quoted(info.name)}: invalid argument"
                ),
            )
            validate_labels(updated.labels, "info.Labels")
            connection.execute(
                "UPDATE snapshots SET labels = ?, updated_at = ? WHERE namespace = ? AND snapshotter = ? AND name = ?",
                (encode_map(updated.labels), now(), namespace, snapshotter, info.name),
            )
            inner = driver.update(Info(row.backend_key, labels=inherited_labels(updated.labels)))
            return _merged(inner, _select(connection, namespace, snapshotter, info.name))

    def usage(self, namespace: str, snapshotter: str, key: str) -> Usage:
        return self._driver(snapshotter).usage(self._backend_key(namespace, snapshotter, key))

    def mounts(self, namespace: str, snapshotter: str, key: str) -> list[Mount]:
        return self._driver(snapshotter).mounts(self._backend_key(namespace, snapshotter, key))

    def prepare(
        self, namespace: str, snapshotter: str, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> list[Mount]:
        return self._create(namespace, snapshotter, Info(key, Kind.ACTIVE, parent, dict(labels or {})))

    def view(
        self, namespace: str, snapshotter: str, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> list[Mount]:
        return self._create(namespace, snapshotter, Info(key, Kind.VIEW, parent, dict(labels or {})))

    def commit(
        self,
        namespace: str,
        snapshotter: str,
        name: str,
        key: str,
        labels: Mapping[str, str] | None = None,
        parent: str | None = None,
    ) -> None:
        driver = self._driver(snapshotter)
        labels = dict(labels or {})
        validate_labels(labels, "info.Labels")
        with self._db.write() as connection:
            ensure_namespace(connection, namespace)
            lease_resource(connection, namespace, Resource(name, f"snapshots/{snapshotter}"))
            exists = _find(connection, namespace, snapshotter, name) is not None
            if not exists:
                row = _select(connection, namespace, snapshotter, key)
                committed = Info(name, parent=row.parent or parent or "", labels=labels)
                self._commit(connection, driver, (namespace, snapshotter), row, committed)
                event = topics.snapshot_commit(snapshotter, name, key)
                self._db.after_commit(lambda: self._publisher.publish(namespace, topics.SNAPSHOT_COMMIT, event))
        if exists:  # only now: the lease must have been committed
            raise AlreadyExists(f"snapshot {quoted(name)}: already exists")

    def _commit(
        self, connection: sqlite3.Connection, driver: Snapshotter, where: tuple[str, str], row: Row, committed: Info
    ) -> None:
        """The active snapshot's row and the driver's become those of the committed one: both, or none."""
        namespace, snapshotter = where
        parent_key = _parent_key(connection, *where, committed.parent) if committed.parent else ""
        backend_name = _new_key(connection, namespace, committed.name)
        connection.execute(
            "DELETE FROM snapshots WHERE namespace = ? AND snapshotter = ? AND name = ?", (*where, row.name)
        )
        _insert(connection, namespace, snapshotter, committed, backend_name)
        release_resource(connection, namespace, Resource(row.name, f"snapshots/{snapshotter}"))
        rebased_on = parent_key if committed.parent and not row.parent else None
        driver.commit(backend_name, row.backend_key, inherited_labels(committed.labels), rebased_on)
        reached("supervisor.snapshot.committed")

    def remove(self, namespace: str, snapshotter: str, key: str) -> None:
        self._driver(snapshotter)
        with self._db.write() as connection:
            _select(connection, namespace, snapshotter, key)
            child = connection.execute(
                "SELECT 1 FROM snapshots WHERE namespace = ? AND snapshotter = ? AND parent = ? LIMIT 1",
                (namespace, snapshotter, key),
            )
            if child.fetchone():
                raise FailedPrecondition("cannot remove snapshot with child: failed precondition")
            connection.execute(
                "DELETE FROM snapshots WHERE namespace = ? AND snapshotter = ? AND name = ?",
                (namespace, snapshotter, key),
            )
            release_resource(connection, namespace, Resource(key, f"snapshots/{snapshotter}"))
            self._db.references_removed(snapshotter)
            event = topics.snapshot_remove(snapshotter, key)
            self._db.after_commit(lambda: self._publisher.publish(namespace, topics.SNAPSHOT_REMOVE, event))

    def list(self, namespace: str, snapshotter: str, filters: Sequence[str] = ()) -> Iterator[Info]:
        driver = self._driver(snapshotter)
        matches = parse_filters(filters)
        with self._db.read() as connection:
            found = connection.execute(
                f"SELECT {_COLUMNS} FROM snapshots WHERE namespace = ? AND snapshotter = ? ORDER BY name",
                (namespace, snapshotter),
            )
            rows = [Row(*columns) for columns in found]
        known = {info.name: info for info in driver.walk()}
        merged = (_merged(known[row.backend_key], row) for row in rows if row.backend_key in known)
        return (info for info in merged if matches(_adapt(info)))

    def cleanup(self, namespace: str, snapshotter: str) -> None:
        self._driver(snapshotter).cleanup()

    def _driver(self, snapshotter: str) -> Snapshotter:
        if not snapshotter:
            raise InvalidArgument("snapshotter argument missing: invalid argument")
        driver = self._drivers.get(snapshotter)
        if driver is None:
            raise InvalidArgument(f"snapshotter not loaded: {snapshotter}: invalid argument")
        return driver

    def _backend_key(self, namespace: str, snapshotter: str, key: str) -> str:
        self._driver(snapshotter)
        with self._db.read() as connection:
            return _select(connection, namespace, snapshotter, key).backend_key

    def _create(self, namespace: str, snapshotter: str, info: Info) -> Mounts:
        driver = self._driver(snapshotter)
        validate_labels(info.labels, "info.Labels")
        backend_key, backend_parent = self._reserve(namespace, snapshotter, info)
        # The driver works outside of the transaction: a copying one takes its time. Until the row is there the claim
        # keeps the sweeper off.
        with self._claims.claim(backend_key):
            make = driver.view if info.kind is Kind.VIEW else driver.prepare
            mounts = make(backend_key, backend_parent, inherited_labels(info.labels))
            reached("supervisor.snapshot.made")
            try:
                self._record(namespace, snapshotter, info, backend_key)
            except BaseException:
                self._undo(driver, snapshotter, backend_key)
                raise
        return mounts

    def _reserve(self, namespace: str, snapshotter: str, info: Info) -> tuple[str, str]:
        """The names that the driver shall know the new snapshot and its parent by."""
        exists = ""
        backend_key = backend_parent = ""
        target = info.labels.get(SNAPSHOT_REF, "")
        with self._db.write() as connection:
            ensure_namespace(connection, namespace)
            for name, words in (
                (target, f"target snapshot {quoted(target)}"),
                (info.name, f"snapshot {quoted(info.name)}"),
            ):
                if name and not exists and _find(connection, namespace, snapshotter, name):
                    lease_resource(connection, namespace, Resource(name, f"snapshots/{snapshotter}"))
                    exists = words
            if not exists:
                if info.parent:
                    backend_parent = _parent_key(connection, namespace, snapshotter, info.parent)
                backend_key = _new_key(connection, namespace, info.name)
        if exists:  # only now: the lease must have been committed
            raise AlreadyExists(f"{exists}: already exists")
        return backend_key, backend_parent

    def _record(self, namespace: str, snapshotter: str, info: Info, backend_key: str) -> None:
        with self._db.write() as connection:
            lease_resource(connection, namespace, Resource(info.name, f"snapshots/{snapshotter}"))
            if info.parent:
                _parent_key(connection, namespace, snapshotter, info.parent)
            try:
                _insert(connection, namespace, snapshotter, info, backend_key)
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"snapshot {quoted(info.name)}: already exists") from error
            if info.kind is Kind.ACTIVE:
                event = topics.snapshot_prepare(snapshotter, info.name, info.parent)
                self._db.after_commit(lambda: self._publisher.publish(namespace, topics.SNAPSHOT_PREPARE, event))

    def _undo(self, driver: Snapshotter, snapshotter: str, backend_key: str) -> None:
        try:
            driver.remove(backend_key)
        except (Fault, OSError):
            logger.exception("failed to clean up unreferenced snapshot %s", backend_key)
            self._db.mark_stale(snapshotter)  # the sweeper tries again


def _find(connection: sqlite3.Connection, namespace: str, snapshotter: str, name: str) -> Row | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM snapshots WHERE namespace = ? AND snapshotter = ? AND name = ?",
        (namespace, snapshotter, name),
    ).fetchone()
    return None if row is None else Row(*row)


def _select(connection: sqlite3.Connection, namespace: str, snapshotter: str, name: str) -> Row:
    row = _find(connection, namespace, snapshotter, name)
    if row is None:
        raise NotFound(f"snapshot {name} does not exist: not found")
    return row


def _parent_key(connection: sqlite3.Connection, namespace: str, snapshotter: str, parent: str) -> str:
    row = _find(connection, namespace, snapshotter, parent)
    if row is None:
        raise NotFound(f"parent snapshot {parent} does not exist: not found")
    return row.backend_key


def _new_key(connection: sqlite3.Connection, namespace: str, name: str) -> str:
    return f"{namespace}/{next_in_sequence(connection, 'snapshots')}/{name}"


def _insert(connection: sqlite3.Connection, namespace: str, snapshotter: str, info: Info, backend_key: str) -> None:
    created = now()
    connection.execute(
        f"INSERT INTO snapshots (namespace, snapshotter, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (namespace, snapshotter, info.name, backend_key, info.parent, encode_map(info.labels), created, created),
    )


def _merged(inner: Info, row: Row) -> Info:
    """The driver knows the kind, and may add labels; all else is the namespace's."""
    labels = {**inner.labels, **decode_map(row.labels)}
    return Info(row.name, inner.kind, row.parent, labels, row.created_at, row.updated_at)


def _adapt(info: Info) -> Adaptor:
    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["kind", *_]:
                return info.kind.name.lower()
            case ["name", *_]:
                return info.name
            case ["parent", *_]:
                return info.parent
            case ["labels", *key]:
                return map_field(key, info.labels)
        return None

    return field
