"""The engine's table of containers in SQLite: a row per container, its document as JSON.

    containers(id TEXT PRIMARY KEY, name TEXT UNIQUE, document TEXT)
    leftovers(id TEXT PRIMARY KEY, document TEXT)   removed for everyone to see; snapshot and folder still to be deleted

WAL with synchronous=NORMAL: a commit survives the death of this process, whenever it comes; a power cut can lose
the last moments but never tears a row.
"""

import json
import sqlite3

from engine import wal
from engine.containers.model import Container
from proto.errdefs import Conflict

_SCHEMA = """
CREATE TABLE IF NOT EXISTS containers (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS leftovers (id TEXT PRIMARY KEY, document TEXT NOT NULL);
"""
SCHEMA_VERSION = 1


def connect(path: str) -> sqlite3.Connection:
    """Open the engine's database; several stores share the connection."""
    connection = wal.connect(path)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise RuntimeError(f"{path} was written by a newer wherryd (schema {version}, this one knows {SCHEMA_VERSION})")
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    return connection


class ContainerStore:
    """Rows of containers."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._db.executescript(_SCHEMA)

    def insert(self, container: Container) -> None:
        """Add a row; the name's uniqueness is decided here."""
        try:
            self._db.execute(
                "INSERT INTO containers (id, name, document) VALUES (?, ?, ?)",
                (container.id, container.name, json.dumps(container.to_json())),
            )
        except sqlite3.IntegrityError:
            raise Conflict(f"name in use: {container.name}") from None

    def save(self, container: Container) -> None:
        """Replace the row."""
        self._db.execute(
            "UPDATE containers SET name = ?, document = ? WHERE id = ?",
            (container.name, json.dumps(container.to_json()), container.id),
        )

    def load(self) -> list[Container]:
        """Every row."""
        rows = self._db.execute("SELECT document FROM containers ORDER BY rowid").fetchall()
        return [Container.from_json(json.loads(document)) for (document,) in rows]

    def retire(self, container: Container) -> None:
        """Forget a container, but remember in the same transaction what of it must still be deleted."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("DELETE FROM containers WHERE id = ?", (container.id,))
        self._db.execute(
            "INSERT OR REPLACE INTO leftovers (id, document) VALUES (?, ?)",
            (container.id, json.dumps(container.to_json())),
        )
        self._db.execute("COMMIT")

    def leftovers(self) -> list[Container]:
        """What was retired and is not yet gone."""
        rows = self._db.execute("SELECT document FROM leftovers").fetchall()
        return [Container.from_json(json.loads(document)) for (document,) in rows]

    def forget(self, container_id: str) -> None:
        """Nothing is left of it."""
        self._db.execute("DELETE FROM leftovers WHERE id = ?", (container_id,))
