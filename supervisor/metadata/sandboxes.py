"""Sandbox records."""

# ruff: noqa: S608 -- only constants of this module are put into SQL text

import sqlite3
from collections.abc import Sequence
from typing import Any

from proto.errdefs import AlreadyExists, InvalidArgument, NotFound
from supervisor.core.containers import RuntimeInfo
from supervisor.core.fieldpaths import apply_mask, merge_key
from supervisor.core.filters import Adaptor, map_field, parse_filters
from supervisor.core.identifiers import quoted, validate_identifier
from supervisor.core.labels import validate_labels
from supervisor.core.sandboxes import Sandbox
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

_COLUMNS = "id, sandboxer, runtime, options_type, options, spec_type, spec, labels, extensions, created_at, updated_at"
_VALUES = "?, ?,?,?,?,?, ?,?,?,?,?, ?"
_MUTABLE = ("labels", "extensions", "spec", "runtime")


class SandboxTable:
    """A SandboxStore."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, namespace: str, sandbox_id: str) -> Sandbox:
        with self._db.read() as connection:
            return _select(connection, namespace, sandbox_id)

    def list(self, namespace: str, filters: Sequence[str] = ()) -> list[Sandbox]:
        matches = parse_filters(filters)
        with self._db.read() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM sandboxes WHERE namespace = ? ORDER BY id", (namespace,))
            return [sandbox for sandbox in map(_from_row, rows) if matches(_adapt(sandbox))]

    def create(self, namespace: str, sandbox: Sandbox) -> Sandbox:
        _validate(sandbox)
        sandbox.created_at = sandbox.updated_at = now()
        with self._db.write() as connection:
            ensure_namespace(connection, namespace)
            try:
                connection.execute(
                    f"INSERT INTO sandboxes (namespace, {_COLUMNS}) VALUES ({_VALUES})",
                    (namespace, *_to_row(sandbox)),
                )
            except sqlite3.IntegrityError as error:
                raise AlreadyExists(f"sandbox {quoted(sandbox.id)}: already exists") from error
        return sandbox

    def update(self, namespace: str, sandbox: Sandbox, fieldpaths: Sequence[str] = ()) -> Sandbox:
        with self._db.write() as connection:
            current = _select(connection, namespace, sandbox.id)
            _apply(current, sandbox, fieldpaths or _MUTABLE)
            _validate(current)
            current.updated_at = now()
            connection.execute(
                f"REPLACE INTO sandboxes (namespace, {_COLUMNS}) VALUES ({_VALUES})",
                (namespace, *_to_row(current)),
            )
        return current

    def delete(self, namespace: str, sandbox_id: str) -> None:
        with self._db.write() as connection:
            _select(connection, namespace, sandbox_id)
            connection.execute("DELETE FROM sandboxes WHERE namespace = ? AND id = ?", (namespace, sandbox_id))
            self._db.references_removed()


def _select(connection: sqlite3.Connection, namespace: str, sandbox_id: str) -> Sandbox:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM sandboxes WHERE namespace = ? AND id = ?", (namespace, sandbox_id)
    ).fetchone()
    if row is None:
        raise NotFound(f"sandbox {quoted(sandbox_id)}: not found")
    return _from_row(row)


def _from_row(row: tuple[Any, ...]) -> Sandbox:
    return Sandbox(
        id=row[0],
        sandboxer=row[1],
        runtime=RuntimeInfo(row[2], decode_typed(row[3], row[4])),
        spec=decode_typed(row[5], row[6]),
        labels=decode_map(row[7]),
        extensions=decode_extensions(row[8]),
        created_at=row[9],
        updated_at=row[10],
    )


def _to_row(sandbox: Sandbox) -> tuple[Any, ...]:
    return (
        sandbox.id,
        sandbox.sandboxer,
        sandbox.runtime.name,
        *encode_typed(sandbox.runtime.options),
        *encode_typed(sandbox.spec),
        encode_map(sandbox.labels),
        encode_extensions(sandbox.extensions),
        sandbox.created_at,
        sandbox.updated_at,
    )


def _validate(sandbox: Sandbox) -> None:
    try:
        validate_identifier(sandbox.id)
    except InvalidArgument as problem:
        raise InvalidArgument(f"failed to validate sandbox: invalid sandbox ID: {problem}") from problem
    validate_labels(sandbox.labels, "sandbox.Labels")


def _apply(current: Sandbox, wanted: Sandbox, fieldpaths: Sequence[str]) -> None:
    def extension(key: str) -> None:
        if key in wanted.extensions:
            current.extensions[key] = wanted.extensions[key]
        else:
            current.extensions.pop(key, None)

    apply_mask(
        fieldpaths,
        {
            "labels": lambda: setattr(current, "labels", dict(wanted.labels)),
            "extensions": lambda: setattr(current, "extensions", dict(wanted.extensions)),
            "spec": lambda: setattr(current, "spec", wanted.spec),
            "runtime": lambda: setattr(current, "runtime", wanted.runtime),
        },
        {"labels": lambda key: merge_key(current.labels, wanted.labels, key), "extensions": extension},
        lambda path: InvalidArgument(
            f"cannot update {quoted(path)} field on sandbox {quoted(current.id)}: invalid argument"
        ),
    )


def _adapt(sandbox: Sandbox) -> Adaptor:
    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["id", *_]:
                return sandbox.id
            case ["labels", *key]:
                return map_field(key, sandbox.labels)
        return None

    return field
