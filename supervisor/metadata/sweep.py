"""Mark, remove the rows, then the files: one run of the garbage collector.

The graph is read from a snapshot of the database, beside whatever goes on. The rows that it calls garbage are removed
in one transaction, and only if nothing was committed since the reading; otherwise the reading is repeated, in the end
with the writers held off. So nothing that is referred to, however recently, is ever removed.

Files follow the rows: blobs and ingests no namespace knows, snapshots no namespace has a name for, folders and files
that a crash left. Running it again, or after a SIGKILL at any point, does what is left to do.
"""

import logging
import sqlite3
import time
from collections.abc import Iterable, Mapping
from functools import partial

from proto.errdefs import Fault
from proto.failpoints import reached
from supervisor.core.collection import CollectionStats
from supervisor.core.content import BlobStore
from supervisor.core.events import EventPublisher
from supervisor.core.snapshots import Info, Snapshotter
from supervisor.core.typed import TypedValue
from supervisor.events import topics
from supervisor.metadata.claims import Claims
from supervisor.metadata.db import Database
from supervisor.metadata.gc import Node, Type, garbage
from supervisor.metadata.graph import load_graph

logger = logging.getLogger(__name__)

_OPTIMISTIC_TRIES = 3


class Sweeper:
    """The collector proper; `run` blocks and belongs into a thread."""

    def __init__(
        self,
        db: Database,
        blobs: BlobStore,
        drivers: Mapping[str, Snapshotter],
        publisher: EventPublisher,
        claims: Claims,
    ) -> None:
        self._db = db
        self._blobs = blobs
        self._drivers = drivers
        self._publisher = publisher
        self._claims = claims
        # A crash may have left anything anywhere; later only what was removed from is looked through. A failed run is
        # repeated.
        self._stale = {"content", *drivers}

    def run(self) -> CollectionStats:
        began = time.monotonic()
        removed = self._remove_rows()
        marked = time.monotonic()
        self._stale |= self._db.take_stale()
        if self._stale:
            reached("supervisor.gc.marked")
            self._db.flush()  # the rows must be gone for good before their files go
        if "content" in self._stale:
            self._sweep_blobs()
            self._sweep_ingests()
            self._stale.discard("content")
        for name in self._stale & self._drivers.keys():
            self._sweep_snapshots(name, self._drivers[name])
            self._stale.discard(name)
        return CollectionStats(removed, marked - began, time.monotonic() - marked)

    def _remove_rows(self) -> int:
        for _ in range(_OPTIMISTIC_TRIES):
            generation = self._db.generation
            with self._db.snapshot() as connection:
                doomed = garbage(load_graph(connection))
            if not doomed:
                return 0
            with self._db.write() as connection:
                if self._db.generation == generation:
                    return self._remove(connection, doomed)
        with self._db.write() as connection:
            return self._remove(connection, garbage(load_graph(connection)))

    def _remove(self, connection: sqlite3.Connection, doomed: Iterable[Node]) -> int:
        count = 0
        for node in doomed:
            self._remove_row(connection, node)
            count += 1
        return count

    def _remove_row(self, connection: sqlite3.Connection, node: Node) -> None:
        namespace, key = node.namespace, node.key
        logger.debug("remove %s %s", node.type.name.lower(), key, extra={"namespace": namespace})
        if node.type is Type.CONTENT:
            connection.execute("DELETE FROM blobs WHERE namespace = ? AND digest = ?", (namespace, key))
            self._db.mark_stale("content")
        elif node.type is Type.INGEST:
            connection.execute("DELETE FROM ingests WHERE namespace = ? AND ref = ?", (namespace, key))
            self._db.mark_stale("content")
        elif node.type is Type.LEASE:
            connection.execute("DELETE FROM leases WHERE namespace = ? AND id = ?", (namespace, key))
            connection.execute("DELETE FROM lease_resources WHERE namespace = ? AND lease = ?", (namespace, key))
        elif node.type is Type.IMAGE:
            connection.execute("DELETE FROM images WHERE namespace = ? AND name = ?", (namespace, key))
            self._tell(namespace, topics.IMAGE_DELETE, topics.image_delete(key))
        elif node.type is Type.SNAPSHOT:
            snapshotter, _, name = key.partition("/")
            connection.execute(
                "DELETE FROM snapshots WHERE namespace = ? AND snapshotter = ? AND name = ?",
                (namespace, snapshotter, name),
            )
            self._db.mark_stale(snapshotter)
            self._tell(namespace, topics.SNAPSHOT_REMOVE, topics.snapshot_remove(snapshotter, name))

    def _tell(self, namespace: str, topic: str, event: TypedValue) -> None:
        self._db.after_commit(partial(self._publisher.publish, namespace, topic, event))

    def _sweep_blobs(self) -> None:
        with self._db.read() as connection:
            known = {row[0] for row in connection.execute(_KNOWN_DIGESTS)}
        for info in self._blobs.walk():
            if info.digest in known:
                continue
            with self._claims.unclaimed(info.digest) as free, self._db.read() as connection:
                if connection.execute(_DIGEST_IS_KNOWN, {"digest": info.digest}).fetchone():
                    continue
                if not free:
                    self._db.mark_stale("content")  # its row may never come
                    continue
                try:
                    self._blobs.delete(info.digest)
                    reached("supervisor.gc.blob")
                except (Fault, OSError) as error:
                    logger.warning("cannot remove content %s: %s", info.digest, error)
                    self._db.mark_stale("content")

    def _sweep_ingests(self) -> None:
        for status in list(self._blobs.statuses()):
            with self._db.read() as connection:
                if connection.execute("SELECT 1 FROM ingests WHERE backend_ref = ?", (status.ref,)).fetchone():
                    continue
            try:
                self._blobs.abort(status.ref)
            except (Fault, OSError) as error:
                logger.warning("cannot remove ingest %s: %s", status.ref, error)
                self._db.mark_stale("content")

    def _sweep_snapshots(self, name: str, driver: Snapshotter) -> None:
        with self._db.read() as connection:
            rows = connection.execute("SELECT backend_key FROM snapshots WHERE snapshotter = ?", (name,))
            known = {row[0] for row in rows}
        doomed = [info for info in driver.walk() if info.name not in known]
        for info in children_first(doomed):
            with self._claims.unclaimed(info.name) as free, self._db.read() as connection:
                if connection.execute(_KEY_IS_KNOWN, (name, info.name)).fetchone():
                    continue
            if not free:
                self._db.mark_stale(name)  # its row may never come
                continue
            try:
                driver.remove(info.name)
                reached("supervisor.gc.snapshot")
            except (Fault, OSError) as error:
                logger.warning("cannot remove snapshot %s yet: %s", info.name, error)
                self._db.mark_stale(name)
        driver.cleanup()


_KNOWN_DIGESTS = "SELECT digest FROM blobs UNION SELECT expected FROM ingests WHERE expected != ''"
_DIGEST_IS_KNOWN = (
    "SELECT 1 FROM blobs WHERE digest = :digest UNION ALL SELECT 1 FROM ingests WHERE expected = :digest LIMIT 1"
)
_KEY_IS_KNOWN = "SELECT 1 FROM snapshots WHERE snapshotter = ? AND backend_key = ?"


def children_first(infos: Iterable[Info]) -> list[Info]:
    """An order in which each comes before its parent."""
    by_name = {info.name: info for info in infos}
    depth: dict[str, int] = {}
    for name in by_name:
        chain = []
        at: str | None = name
        while at in by_name and at not in depth:
            chain.append(at)
            at = by_name[at].parent
        base = depth.get(at or "", -1)
        for link in reversed(chain):
            base += 1
            depth[link] = base
    return sorted(by_name.values(), key=lambda info: -depth[info.name])
