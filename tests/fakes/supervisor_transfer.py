"""The stores that transfers use, real ones on a folder of the test's; only snapshots are plain folders, which need no
root."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from proto.errdefs import AlreadyExists, NotFound
from supervisor.content.store import DiskBlobStore
from supervisor.core.labels import SNAPSHOT_REF
from supervisor.core.snapshots import Info, Kind, Mount, Usage
from supervisor.metadata.claims import Claims
from supervisor.metadata.content import NamespacedContent
from supervisor.metadata.db import Database
from supervisor.metadata.images import ImageTable
from supervisor.metadata.leases import LeaseTable
from supervisor.transfer.resources import Stores
from tests.fakes.supervisor_events import RecordingExchange


class FolderSnapshots:
    """A SnapshotStore whose snapshots are copies: one folder each, given out as bind mounts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.infos: dict[str, Info] = {}
        self.leased: list[str] = []  # snapshots that were asked for again, which is how they are leased
        self.able: tuple[
            str, ...
        ] = ()  # what it says it can do; a snapshot that gets a parent late is not merged with it
        self._count = 0
        self._folders: dict[str, Path] = {}

    def capabilities(self, snapshotter: str) -> tuple[str, ...]:
        return self.able

    def stat(self, namespace: str, snapshotter: str, key: str) -> Info:
        if key not in self.infos:
            raise NotFound(f"snapshot {key} does not exist: not found")
        return self.infos[key]

    def update(self, namespace: str, snapshotter: str, info: Info, fieldpaths: Sequence[str] = ()) -> Info:
        self.infos[info.name] = info
        return info

    def usage(self, namespace: str, snapshotter: str, key: str) -> Usage:
        return Usage()

    def mounts(self, namespace: str, snapshotter: str, key: str) -> list[Mount]:
        return [Mount("bind", str(self._folders[key]), ("rbind", "rw"))]

    def prepare(
        self, namespace: str, snapshotter: str, key: str, parent: str = "", labels: Mapping[str, str] | None = None
    ) -> list[Mount]:
        target = (labels or {}).get(SNAPSHOT_REF, "")
        if target in self.infos:
            self.leased.append(target)
            raise AlreadyExists(f"snapshot {key} already exists")
        self._count += 1
        folder = self.root / str(self._count)
        if parent:
            shutil.copytree(self._folders[parent], folder, symlinks=True)
        else:
            folder.mkdir(parents=True)
        self._folders[key] = folder
        self.infos[key] = Info(key, Kind.ACTIVE, parent, dict(labels or {}))
        return self.mounts(namespace, snapshotter, key)

    view = prepare

    def commit(
        self,
        namespace: str,
        snapshotter: str,
        name: str,
        key: str,
        labels: Mapping[str, str] | None = None,
        parent: str | None = None,
    ) -> None:
        if name in self.infos:
            raise AlreadyExists(f"snapshot {name}: already exists")
        self._folders[name] = self._folders.pop(key)
        if parent and parent not in self.infos:
            raise NotFound(f"parent snapshot {parent} does not exist: not found")
        self.infos[name] = Info(name, Kind.COMMITTED, parent or self.infos.pop(key).parent, dict(labels or {}))
        self.infos.pop(key, None)

    def remove(self, namespace: str, snapshotter: str, key: str) -> None:
        self.stat(namespace, snapshotter, key)
        del self.infos[key]
        shutil.rmtree(self._folders.pop(key))

    def list(self, namespace: str, snapshotter: str, filters: Sequence[str] = ()) -> Iterator[Info]:
        return iter(self.infos.values())

    def cleanup(self, namespace: str, snapshotter: str) -> None:
        pass

    def folder(self, key: str) -> Path:
        """Where a snapshot's files are."""
        return self._folders[key]


@dataclass(frozen=True, slots=True)
class TestStores(Stores):
    """The stores, and what a test wants to look at."""

    __test__ = False  # a name for people, not for pytest

    folders: FolderSnapshots


@contextmanager
def open_stores(root: Path) -> Iterator[TestStores]:
    """Stores below a folder, closed at the end."""
    os.makedirs(root, exist_ok=True)
    db = Database(str(root / "meta" / "meta.db"))
    exchange = RecordingExchange()
    content = NamespacedContent(db, DiskBlobStore(str(root / "content")), exchange, Claims())
    folders = FolderSnapshots(root / "snapshots")
    try:
        yield TestStores(content, ImageTable(db, exchange), folders, LeaseTable(db), folders)
    finally:
        db.close()
