"""The metadata database: what is in it, and how older ones become newer ones.

    namespaces        name                        ─ labels
    containers        namespace, id               ─ image, runtime, spec, snapshotter, snapshot_key, labels, extensions
    sandboxes         namespace, id               ─ runtime, spec, sandboxer, labels, extensions
    images            namespace, name             ─ target descriptor, labels
    blobs             namespace, digest           ─ size, labels   (the bytes are shared by all namespaces)
    ingests           namespace, ref              ─ backend_ref, expected, expire_at
    snapshots         namespace, snapshotter, name ─ backend_key, parent, labels
    leases            namespace, id               ─ labels
    lease_resources   namespace, lease, type, id
    sequences         name                        ─ value   (numbers in backend keys, never used twice)
    driver_snapshots  driver, id                  ─ key, parent_id, kind, labels, usage   (a driver's own view)

labels and annotations are JSON objects of strings; an empty value is never stored. extensions is a JSON object of
[type_url, base64]. Times are nanoseconds since the epoch. `user_version` counts the migrations that were run.
"""

import sqlite3

_V1 = """
CREATE TABLE namespaces (
    name TEXT PRIMARY KEY,
    labels TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;

CREATE TABLE containers (
    namespace TEXT NOT NULL, id TEXT NOT NULL,
    image TEXT NOT NULL, snapshotter TEXT NOT NULL, snapshot_key TEXT NOT NULL, sandbox_id TEXT NOT NULL,
    runtime TEXT NOT NULL, options_type TEXT, options BLOB, spec_type TEXT, spec BLOB,
    labels TEXT NOT NULL, extensions TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, id)
);

CREATE TABLE sandboxes (
    namespace TEXT NOT NULL, id TEXT NOT NULL, sandboxer TEXT NOT NULL,
    runtime TEXT NOT NULL, options_type TEXT, options BLOB, spec_type TEXT, spec BLOB,
    labels TEXT NOT NULL, extensions TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, id)
);

CREATE TABLE images (
    namespace TEXT NOT NULL, name TEXT NOT NULL,
    media_type TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, annotations TEXT NOT NULL,
    labels TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, name)
) WITHOUT ROWID;

CREATE TABLE blobs (
    namespace TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
    labels TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, digest)
) WITHOUT ROWID;
CREATE INDEX blobs_by_digest ON blobs (digest);

CREATE TABLE ingests (
    namespace TEXT NOT NULL, ref TEXT NOT NULL, backend_ref TEXT NOT NULL,
    expected TEXT NOT NULL DEFAULT '', expire_at INTEGER,
    PRIMARY KEY (namespace, ref)
) WITHOUT ROWID;

CREATE TABLE snapshots (
    namespace TEXT NOT NULL, snapshotter TEXT NOT NULL, name TEXT NOT NULL,
    backend_key TEXT NOT NULL, parent TEXT NOT NULL,
    labels TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, snapshotter, name)
) WITHOUT ROWID;
CREATE INDEX snapshots_by_parent ON snapshots (namespace, snapshotter, parent);

CREATE TABLE leases (
    namespace TEXT NOT NULL, id TEXT NOT NULL, labels TEXT NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (namespace, id)
) WITHOUT ROWID;

CREATE TABLE lease_resources (
    namespace TEXT NOT NULL, lease TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (namespace, lease, type, id)
) WITHOUT ROWID;

CREATE TABLE sequences (
    name TEXT PRIMARY KEY, value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE driver_snapshots (
    driver TEXT NOT NULL, id INTEGER NOT NULL, key TEXT NOT NULL, parent_id INTEGER, kind INTEGER NOT NULL,
    labels TEXT NOT NULL, size INTEGER, inodes INTEGER,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (driver, id), UNIQUE (driver, key)
) WITHOUT ROWID;
CREATE INDEX driver_snapshots_by_parent ON driver_snapshots (driver, parent_id);
"""

MIGRATIONS: tuple[str, ...] = (_V1,)
"""Only ever appended to: a database remembers how many of these it has seen."""


class NewerSchema(Exception):
    """The database was written by a later version of this program."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database to the newest schema, each step in a transaction of its own."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise NewerSchema(f"metadata database has schema {version}, this program knows up to {len(MIGRATIONS)}")
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
