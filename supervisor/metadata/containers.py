"""Container records."""

# ruff: noqa: S608 -- only constants of this module are put into SQL text

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from proto.errdefs import AlreadyExists, InvalidArgument, NotFound
from supervisor.core.containers import Container, RuntimeInfo
from supervisor.core.fieldpaths import apply_mask, merge_key
from supervisor.core.filters import Adaptor, map_field, parse_filters, present
from supervisor.core.identifiers import quoted, validate_identifier
from supervisor.core.labels import validate_labels
from supervisor.metadata.db import Database
from supervisor.metadata.rows import (
    decode_extensions,
    decode_map,
    decode_typed,
    encode_extensions,
    encode_map,
    encode_typed,
    ensure_namespace,
    now,
)

_COLUMNS = (
    "id, image, snapshotter, snapshot_key, sandbox_id, runtime, options_type, options, spec_type, spec, "
    "labels, extensions, created_at, updated_at"
)
_MUTABLE = ("labels", "spec", "extensions", "image", "snapshotkey")


class ContainerTable:
    """A ContainerStore."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, namespace: str, container_id: str) -> Container:
        with self._db.read() as connection:
            found = _select(connection, namespace, container_id)
        if found is None:
            raise NotFound(f"container {quoted(container_id)} in namespace {quoted(namespace)}: not found")
        return found

    def list(self, namespace: str, filters: Sequence[str] = ()) -> Iterator[Container]:
        matches = parse_filters(filters)
        with self._db.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM containers WHERE namespace = ? ORDER BY id", (namespace,)
            )
            found = [_from_row(row) for row in rows]
        return (container for container in found if matches(_adapt(container)))

    def create(self, namespace: str, container: Container) -> Container:
        _validate(container, "create container failed validation")
        container.created_at = container.updated_at = now()
        with self._db.write() as connection:
            ensure_namespace(connection, namespace)
            try:
                connection.execute(
                    f"INSERT INTO containers (namespace, {_COLUMNS}) VALUES (?, ?,?,?,?,?, ?,?,?,?,?, ?,?,?,?)",
                    (namespace, *_to_row(container)),
                )
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"container {quoted(container.id)}: already exists") from error
        return container

    def update(self, namespace: str, container: Container, fieldpaths: Sequence[str] = ()) -> Container:
        if not container.id:
            raise InvalidArgument("must specify a container id: invalid argument")
        with self._db.write() as connection:
            current = _select(connection, namespace, container.id)
            if current is None:
                raise NotFound(f"container {quoted(container.id)}: not found")
            if not fieldpaths:
                _refuse_immutable(current, container)
            _apply(current, container, fieldpaths or _MUTABLE)
            _validate(current, "update failed validation")
            current.updated_at = now()
            connection.execute(
                f"REPLACE INTO containers (namespace, {_COLUMNS}) VALUES (?, ?,?,?,?,?, ?,?,?,?,?, ?,?,?,?)",
                (namespace, *_to_row(current)),
            )
        return current

    def delete(self, namespace: str, container_id: str) -> None:
        with self._db.write() as connection:
            deleted = connection.execute(
                "DELETE FROM containers WHERE namespace = ? AND id = ?", (namespace, container_id)
            ).rowcount
            if not deleted:
                raise NotFound(f"container {container_id}: not found")
            self._db.references_removed()


def _select(connection: sqlite3.Connection, namespace: str, container_id: str) -> Container | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM containers WHERE namespace = ? AND id = ?", (namespace, container_id)
    ).fetchone()
    return None if row is None else _from_row(row)


def _from_row(row: tuple[Any, ...]) -> Container:
    return Container(
        id=row[0],
        image=row[1],
        snapshotter=row[2],
        snapshot_key=row[3],
        sandbox_id=row[4],
        runtime=RuntimeInfo(row[5], decode_typed(row[6], row[7])),
        spec=decode_typed(row[8], row[9]),
        labels=decode_map(row[10]),
        extensions=decode_extensions(row[11]),
        created_at=row[12],
        updated_at=row[13],
    )


def _to_row(container: Container) -> tuple[Any, ...]:
    return (
        container.id,
        container.image,
        container.snapshotter,
        container.snapshot_key,
        container.sandbox_id,
        container.runtime.name,
        *encode_typed(container.runtime.options),
        *encode_typed(container.spec),
        encode_map(container.labels),
        encode_extensions(container.extensions),
        container.created_at,
        container.updated_at,
    )


def _validate(container: Container, prefix: str) -> None:
    try:
        _check(container)
    except InvalidArgument as problem:
        raise InvalidArgument(f"{prefix}: {problem}") from problem


def _check(container: Container) -> None:
    try:
        validate_identifier(container.id)
    except InvalidArgument as problem:
        raise InvalidArgument(f"container.ID: {problem}") from problem
    if "" in container.extensions:
        raise InvalidArgument("container.Extension keys must not be zero-length: invalid argument")
    validate_labels(container.labels, "containers.Labels")
    if not container.runtime.name:
        raise InvalidArgument("container.Runtime.Name must be set: invalid argument")
    if container.spec is None:
        raise InvalidArgument("container.Spec must be set: invalid argument")
    if container.snapshot_key and not container.snapshotter:
        raise InvalidArgument("container.Snapshotter must be set if container.SnapshotKey is set: invalid argument")


def _refuse_immutable(current: Container, wanted: Container) -> None:
    """A full replacement must say about immutable fields what they are, so that they may become mutable one day."""
    if current.snapshotter != wanted.snapshotter:
        raise InvalidArgument("container.Snapshotter field is immutable: invalid argument")
    if current.runtime.name != wanted.runtime.name:
        raise InvalidArgument("container.Runtime.Name field is immutable: invalid argument")


def _apply(current: Container, wanted: Container, fieldpaths: Sequence[str]) -> None:
    def extension(key: str) -> None:
        if key in wanted.extensions:
            current.extensions[key] = wanted.extensions[key]
        else:
            current.extensions.pop(key, None)

    apply_mask(
        fieldpaths,
        {
            "labels": lambda: setattr(current, "labels", dict(wanted.labels)),
            "spec": lambda: setattr(current, "spec", wanted.spec),
            "extensions": lambda: setattr(current, "extensions", dict(wanted.extensions)),
            "image": lambda: setattr(current, "image", wanted.image),
            "snapshotkey": lambda: setattr(current, "snapshot_key", wanted.snapshot_key),
        },
        {"labels": lambda key: merge_key(current.labels, wanted.labels, key), "extensions": extension},
        lambda path: InvalidArgument(f"cannot update {quoted(path)} field on {quoted(current.id)}: invalid argument"),
    )


def _adapt(container: Container) -> Adaptor:
    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["id", *_]:
                return present(container.id)
            case ["image", *_]:
                return present(container.image)
            case ["runtime", "name", *_]:
                return present(container.runtime.name)
            case ["labels", *key]:
                return map_field(key, container.labels)
        return None

    return field
