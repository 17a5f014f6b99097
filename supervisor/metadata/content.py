"""Content as a namespace sees it: which blobs it has, with which labels, on top of a BlobStore shared by all.

A blob's bytes are written once. A namespace that asks to write a blob which another one has already gets it without
sending a byte (containerd's "shared" policy). Bytes nobody has a row for are garbage; claims keep the sweeper off
those that are about to get one.
"""

# ruff: noqa: S608 -- only constants of this module are put into SQL text

import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence

from proto.errdefs import AlreadyExists, InvalidArgument, NotFound
from proto.failpoints import reached
from supervisor.core.content import BlobStore, ContentWriter, Info, ReaderAt, Status
from supervisor.core.events import EventPublisher
from supervisor.core.fieldpaths import apply_mask, merge_key
from supervisor.core.filters import Adaptor, map_field, parse_filters, present
from supervisor.core.identifiers import quoted
from supervisor.core.labels import validate_labels
from supervisor.core.leases import Resource
from supervisor.events import topics
from supervisor.metadata.claims import Claims
from supervisor.metadata.content_writer import NamespacedWriter
from supervisor.metadata.db import Database
from supervisor.metadata.leases import lease_resource, release_resource
from supervisor.metadata.rows import decode_map, encode_map, ensure_namespace, next_in_sequence, now

_COLUMNS = "digest, size, labels, created_at, updated_at"
_ONE_DIGEST = re.compile(r"digest==(sha256:[0-9a-f]{64})")
_MOST_DIGESTS = 500
_UNLEASED_INGEST_LIFE = 24 * 3600 * 10**9


class NamespacedContent:
    """A ContentStore."""

    def __init__(self, db: Database, blobs: BlobStore, publisher: EventPublisher, claims: Claims) -> None:
        self._db = db
        self._blobs = blobs
        self._publisher = publisher
        self._claims = claims

    def info(self, namespace: str, digest: str) -> Info:
        with self._db.read() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM blobs WHERE namespace = ? AND digest = ?", (namespace, digest)
            ).fetchone()
        if row is None:
            raise _not_found(digest)
        return Info(row[0], row[1], decode_map(row[2]), row[3], row[4])

    def list(self, namespace: str, filters: Sequence[str] = ()) -> Iterator[Info]:
        matches = parse_filters(filters)
        digests = [found[1] if (found := _ONE_DIGEST.fullmatch(each)) else "" for each in filters]
        named = 0 < len(digests) <= _MOST_DIGESTS and all(digests)  # the table's key finds them
        some = f"AND digest IN ({', '.join('?' * len(digests))})" if named else ""
        with self._db.read() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM blobs WHERE namespace = ? {some} ORDER BY digest",
                (namespace, *(digests if named else ())),
            ).fetchall()
        infos = (Info(row[0], row[1], decode_map(row[2]), row[3], row[4]) for row in rows)
        return (info for info in infos if matches(_adapt(info)))

    def update(self, namespace: str, info: Info, fieldpaths: Sequence[str] = ()) -> Info:
        with self._db.write() as connection:
            updated = self.info(namespace, info.digest)
            apply_mask(
                fieldpaths or ("labels",),
                {"labels": lambda: setattr(updated, "labels", dict(info.labels))},
                {"labels": lambda key: merge_key(updated.labels, info.labels, key)},
                lambda path: InvalidArgument(
                    f"cannot update {quoted(path)} field on content info {quoted(info.digest)}: invalid argument"
                ),
            )
            validate_labels(updated.labels, "info.Labels")
            updated.updated_at = now()
            connection.execute(
                "UPDATE blobs SET labels = ?, updated_at = ? WHERE namespace = ? AND digest = ?",
                (encode_map(updated.labels), updated.updated_at, namespace, info.digest),
            )
        return updated

    def delete(self, namespace: str, digest: str) -> None:
        with self._db.write() as connection:
            deleted = connection.execute(
                "DELETE FROM blobs WHERE namespace = ? AND digest = ?", (namespace, digest)
            ).rowcount
            if not deleted:
                raise _not_found(digest)
            release_resource(connection, namespace, Resource(digest, "content"))
            self._db.references_removed("content")
            event = topics.content_delete(digest)
            self._db.after_commit(lambda: self._publisher.publish(namespace, topics.CONTENT_DELETE, event))

    def reader(self, namespace: str, digest: str) -> ReaderAt:
        with self._db.read() as connection:
            if not _visible(connection, namespace, digest):
                raise _not_found(digest)
        return self._blobs.reader(digest)

    def writer(self, namespace: str, ref: str, total: int = 0, expected: str = "") -> ContentWriter:
        if not ref:
            raise InvalidArgument("ref must not be empty: invalid argument")
        with self._claims.claim(expected):  # no sweeper may come between the look and the row that counts on it
            shared = self._shared_size(expected, total) if expected else None
            backend_ref = self._begin(namespace, ref, expected, shared is not None)
        started = Status(ref, shared or 0, shared or total, expected, time.time_ns(), time.time_ns())
        inner = None if shared is not None else self._blobs.writer(backend_ref, total)

        def publish(digest: str, size: int, labels: Mapping[str, str], written: ContentWriter | None) -> None:
            self._publish(namespace, ref, Info(digest, size, dict(labels)), written)

        return NamespacedWriter(self._blobs, started, backend_ref, inner, publish)

    def status(self, namespace: str, ref: str) -> Status:
        backend_ref, _ = self._ingest(namespace, ref)
        status = self._blobs.status(backend_ref)
        status.ref = ref
        return status

    def statuses(self, namespace: str, filters: Sequence[str] = ()) -> Sequence[Status]:
        matches = parse_filters(filters)
        with self._db.read() as connection:
            refs = connection.execute(
                "SELECT ref, backend_ref FROM ingests WHERE namespace = ? ORDER BY ref", (namespace,)
            ).fetchall()
        found = []
        for ref, backend_ref in refs:
            try:
                status = self._blobs.status(backend_ref)
            except NotFound:
                continue  # nothing written yet, or shared with another namespace
            status.ref = ref
            if matches(_adapt_status(status)):
                found.append(status)
        return found

    def abort(self, namespace: str, ref: str) -> None:
        backend_ref, expected = self._ingest(namespace, ref)
        self._end(namespace, ref)
        if not expected:
            self._db.mark_stale("content")  # in case the next line does not come to its end
            self._blobs.abort(backend_ref)

    def _ingest(self, namespace: str, ref: str) -> tuple[str, str]:
        with self._db.read() as connection:
            row = connection.execute(
                "SELECT backend_ref, expected FROM ingests WHERE namespace = ? AND ref = ?", (namespace, ref)
            ).fetchone()
        if row is None:
            raise NotFound(f"reference {ref}: not found")
        return str(row[0]), str(row[1])

    def _publish(self, namespace: str, ref: str, info: Info, written: ContentWriter | None) -> None:
        """The last step of a write: the bytes become a blob, and the namespace has it."""
        digest = info.digest
        with self._claims.claim(digest):
            if written is None:
                self._blobs.info(digest)  # still there?
            else:
                try:
                    written.commit(info.size, digest)
                except AlreadyExists:
                    pass  # another namespace has it, or a crash cut this very commit short
            self._db.mark_stale("content")  # until the row is there; a full disk may keep it from coming
            reached("supervisor.content.committed")
            with self._db.write() as connection:
                created = _insert(connection, namespace, info)
                self._end(namespace, ref)
                lease_resource(connection, namespace, Resource(digest, "content"))
                if created:
                    event = topics.content_create(digest, info.size)
                    self._db.after_commit(lambda: self._publisher.publish(namespace, topics.CONTENT_CREATE, event))
        if not created:
            raise AlreadyExists(f"content {digest}: already exists")

    def _shared_size(self, expected: str, total: int) -> int | None:
        """The size of a blob that some namespace has already; None when it must be sent."""
        try:
            size = self._blobs.info(expected).size
        except NotFound:
            return None
        return size if total in (0, size) else None

    def _begin(self, namespace: str, ref: str, expected: str, shared: bool) -> str:
        exists = False
        backend_ref = ""
        with self._db.write() as connection:
            ensure_namespace(connection, namespace)
            if expected and _visible(connection, namespace, expected):
                lease_resource(connection, namespace, Resource(expected, "content"))
                exists = True
            else:
                leased = lease_resource(connection, namespace, Resource(ref, "ingests"))
                row = connection.execute(
                    "SELECT backend_ref FROM ingests WHERE namespace = ? AND ref = ?", (namespace, ref)
                ).fetchone()
                backend_ref = row[0] if row else f"{namespace}/{next_in_sequence(connection, 'ingests')}/{ref}"
                connection.execute(
                    "REPLACE INTO ingests (namespace, ref, backend_ref, expected, expire_at) VALUES (?, ?, ?, ?, ?)",
                    (
                        namespace,
                        ref,
                        backend_ref,
                        expected if shared else "",
                        None if leased else now() + _UNLEASED_INGEST_LIFE,
                    ),
                )
        if exists:  # only now: the lease must have been committed
            raise AlreadyExists(f"content {expected}: already exists")
        return backend_ref

    def _end(self, namespace: str, ref: str) -> None:
        with self._db.write() as connection:
            connection.execute("DELETE FROM ingests WHERE namespace = ? AND ref = ?", (namespace, ref))
            release_resource(connection, namespace, Resource(ref, "ingests"))


def _visible(connection: sqlite3.Connection, namespace: str, digest: str) -> bool:
    found = connection.execute("SELECT 1 FROM blobs WHERE namespace = ? AND digest = ?", (namespace, digest))
    return found.fetchone() is not None


def _insert(connection: sqlite3.Connection, namespace: str, info: Info) -> bool:
    """False when the namespace has it already."""
    info.created_at = info.updated_at = now()
    inserted = connection.execute(
        f"INSERT OR IGNORE INTO blobs (namespace, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
        (namespace, info.digest, info.size, encode_map(info.labels), info.created_at, info.updated_at),
    )
    return inserted.rowcount > 0


def _not_found(digest: str) -> NotFound:
    return NotFound(f"content digest {digest}: not found")


def _adapt(info: Info) -> Adaptor:
    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["digest", *_]:
                return present(info.digest)
            case ["labels", *key]:
                return map_field(key, info.labels)
        return None

    return field


def _adapt_status(status: Status) -> Adaptor:
    return lambda path: status.ref if list(path[:1]) == ["ref"] else None
