"""Layers applied side by side on a real overlay: the very snapshots that applying one after the other makes."""

import asyncio
import json
import os
from pathlib import Path

from supervisor.content.store import DiskBlobStore
from supervisor.metadata.claims import Claims
from supervisor.metadata.content import NamespacedContent
from supervisor.metadata.db import Database
from supervisor.metadata.snapshots import NamespacedSnapshots
from supervisor.registry.manifests import Blob
from supervisor.registry.media_types import OCI_CONFIG, OCI_LAYER
from supervisor.snapshots.overlay import OverlaySnapshotter
from supervisor.transfer.graph import Graph
from supervisor.transfer.import_archive import write_blob
from supervisor.transfer.progress import Tracker
from supervisor.transfer.unpack import KeyedLocks, Unpacker, chain_ids
from tests import needs
from tests.fakes.registry import digest_of
from tests.fakes.supervisor_events import RecordingExchange
from tests.raw_tar import archive, file, folder, hardlink, symlink

pytestmark = [needs.root, needs.overlay]

LAYERS = [
    archive(
        folder("etc", 0o711, uid=7, gid=8),
        file("etc/a", b"1"),
        file("etc/gone"),
        folder("opaque"),
        file("opaque/old"),
        folder("deep/ly/nested", 0o700),
        file("tree/x"),
    ),
    archive(file("etc/.wh.gone", b""), file("deep/ly/b", b"2"), file("opaque/.wh..wh..opq", b""), file("opaque/new")),
    archive(file(".wh.tree", b""), file("etc/sub/c"), symlink("etc/l", "a"), file("x"), hardlink("y", "x")),
    archive(file("tree", b"a file"), file("etc/.wh.a", b""), file("deep/ly/nested/d")),
    archive(file("etc/a", b"again"), folder("opaque", 0o1777), file("deep/.wh.ly", b"")),
]

Look = dict[str, tuple[object, ...]]


async def unpacked(top_folder: Path, *, beside: bool) -> list[Look]:
    """What lies in each layer's own folder, by layer."""
    db = Database(str(top_folder / "meta.db"))
    try:
        return await _unpacked(top_folder, db, beside)
    finally:
        db.close()


async def _unpacked(top_folder: Path, db: Database, beside: bool) -> list[Look]:
    exchange, claims = RecordingExchange(), Claims()
    driver = OverlaySnapshotter(str(top_folder), db)
    if not beside:
        driver.capabilities = ()
    snapshots = NamespacedSnapshots(db, {"overlayfs": driver}, exchange, claims)
    graph = Graph(NamespacedContent(db, DiskBlobStore(str(top_folder / "content")), exchange, claims), "ns")
    config = {"rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in LAYERS]}}
    blobs = []
    for data, kind in ((json.dumps(config).encode(), OCI_CONFIG), *((layer, OCI_LAYER) for layer in LAYERS)):
        blobs.append(Blob(kind, digest_of(data), len(data)))
        write_blob(graph, f"test-{blobs[-1].digest}", blobs[-1], data)

    async def upside_down(layer: object) -> None:
        await asyncio.sleep(0.02 * (len(blobs) - blobs.index(layer)) if beside else 0)  # type: ignore[arg-type]

    unpacker = Unpacker(graph, snapshots, "overlayfs", KeyedLocks(), asyncio.Semaphore(3))
    top = await unpacker.unpack(blobs[0], blobs[1:], upside_down, Tracker("x", "y", None))
    assert {info.parent for info in driver.walk()} - {info.name for info in driver.walk()} == {""}
    snapshots.view("ns", "overlayfs", "look", top)
    lowers = snapshots.mounts("ns", "overlayfs", "look")[0].options[0].removeprefix("lowerdir=").split(":")
    names = [info.name for info in snapshots.list("ns", "overlayfs")]
    assert sorted(names) == sorted(["look", *chain_ids([digest_of(layer) for layer in LAYERS])])
    return [look(Path(lower)) for lower in reversed(lowers)]


def look(top: Path) -> Look:
    found: Look = {}
    for path in sorted([top, *top.rglob("*")]):
        status = path.lstat()
        attributes = {
            name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)
        }
        text = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path.relative_to(top))] = (
            *(status.st_mode, status.st_uid, status.st_gid, status.st_rdev, status.st_nlink),
            *(attributes, text, os.readlink(path) if path.is_symlink() else ""),
        )
    return found


async def test_they_are_what_one_after_the_other_makes(tmp_path: Path) -> None:
    """Also where a layer leaves folders to those below, hides them, or opens them anew."""
    one_by_one = await unpacked(tmp_path / "one", beside=False)
    together = await unpacked(tmp_path / "two", beside=True)
    assert together == one_by_one
    assert one_by_one[3]["etc"][1:3] == (7, 8)  # copied up, and not root's
