"""The native driver: every active snapshot is a full copy of its parent, where overlayfs is not to be had.

<root>/snapshots/<number>/    the whole tree; a view of a parent has no folder but uses the parent's
"""

import os
from collections.abc import Iterator, Mapping, Sequence

from supervisor.core.snapshots import Info, Kind, Mount, Usage
from supervisor.metadata.db import Database
from supervisor.snapshots.copy_tree import copy_tree
from supervisor.snapshots.folders import SnapshotFolders, disk_usage, remove_tree
from supervisor.snapshots.lineage import Lineage, Node, explaining

NAME = "native"


class NativeSnapshotter:
    """A Snapshotter. `prepare` copies: call it from a thread, and outside of transactions."""

    capabilities: tuple[str, ...] = ()

    def __init__(self, root: str, db: Database) -> None:
        self._db = db
        self._lineage = Lineage(db, NAME)
        self._folders = SnapshotFolders(root)

    def stat(self, key: str) -> Info:
        return self._lineage.get(key).info

    def update(self, info: Info, fieldpaths: Sequence[str] = ()) -> Info:
        return self._lineage.update(info, fieldpaths).info

    def usage(self, key: str) -> Usage:
        node = self._lineage.get(key)
        if node.info.kind is Kind.VIEW:
            return Usage()
        if node.usage is not None:
            return node.usage
        usage = disk_usage(self._folders.of(node.id))
        if node.info.kind is Kind.COMMITTED:
            self._lineage.keep_usage(node, usage)
        return usage

    def mounts(self, key: str) -> list[Mount]:
        with explaining("failed to get snapshot mount"):
            return self._mounts(self._lineage.get_mountable(key))

    def prepare(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> list[Mount]:
        with self._folders.temporary() as temporary:
            os.chmod(temporary, 0o755)  # noqa: S103 -- becomes the container's root folder
            if parent:
                copy_tree(self._folders.of(self._lineage.get(parent).id), temporary)
            with explaining("failed to create snapshot"), self._db.write():
                node = self._lineage.create(Kind.ACTIVE, key, parent, labels or {})
                self._folders.adopt(temporary, node.id)
        return self._mounts(node)

    def view(self, key: str, parent: str = "", labels: Mapping[str, str] | None = None) -> list[Mount]:
        creating = explaining("failed to create snapshot")
        with self._folders.temporary() as temporary, creating, self._db.write():
            node = self._lineage.create(Kind.VIEW, key, parent, labels or {})
            if not parent:
                os.chmod(temporary, 0o755)  # noqa: S103 -- as in prepare
                self._folders.adopt(temporary, node.id)
        return self._mounts(node)

    def commit(self, name: str, key: str, labels: Mapping[str, str] | None = None, parent: str | None = None) -> None:
        with explaining("failed to commit snapshot"):
            self._lineage.commit(name, key, labels or {}, parent)

    def remove(self, key: str) -> None:
        with explaining(f"failed to remove snapshot {key}"):
            node = self._lineage.remove(key)
        self._db.flush()  # or a loss of power could bring the row back without its folder
        self._folders.discard(node.id)

    def walk(self) -> Iterator[Info]:
        return (node.info for node in self._lineage.walk())

    def cleanup(self) -> None:
        with self._db.write():  # nobody adopts a folder meanwhile
            strays = self._folders.strays(self._lineage.numbers())
        for path in strays:
            remove_tree(path)

    def close(self) -> None:
        """Nothing is held open."""

    def _mounts(self, node: Node) -> list[Mount]:
        view = node.info.kind is Kind.VIEW
        number = node.ancestors[0] if view and node.ancestors else node.id
        return [Mount("bind", self._folders.of(number), ("rbind", "ro" if view else "rw"))]
