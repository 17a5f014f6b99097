"""`docker commit` and `docker import`: an image from what a container has changed, or from the tar of a file system."""

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine import timestamps
from engine.images import changes as dockerfile
from engine.images import platform as platforms
from engine.images.assemble import LAYER_TYPE, Assembler
from engine.images.catalog import Catalog
from engine.images.decompress import decompressed
from engine.images.model import Descriptor, Manifest
from engine.images.names import Leases, Names
from engine.images.platform import Platform
from engine.images.reference import Reference
from engine.images.removal import Announce
from proto.containerd.types import descriptor_pb2, mount_pb2


class Blobs(Protocol):
    """The part of the content service that making takes."""

    async def ingest(self, ref: str, chunks: AsyncIterator[bytes], *, lease: str = "") -> tuple[str, int]: ...


class Snapshots(Protocol):
    """The part of the snapshot service that comparing takes."""

    async def mounts(self, key: str) -> list[mount_pb2.Mount]: ...

    async def view(self, key: str, parent: str, *, lease: str = "") -> list[mount_pb2.Mount]: ...

    async def remove(self, key: str) -> None: ...


class Differences(Protocol):
    """The part of the diff service that comparing takes."""

    async def diff(
        self,
        left: Sequence[mount_pb2.Mount],
        right: Sequence[mount_pb2.Mount],
        *,
        media_type: str,
        ref: str,
        lease: str = "",
    ) -> descriptor_pb2.Descriptor: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What the new image is to say of itself."""

    reference: Reference | None = None
    comment: str = ""
    author: str = ""
    changes: tuple[str, ...] = field(default=())


class Committer:
    """Makes images of file systems."""

    def __init__(
        self,
        blobs: Blobs,
        snapshots: Snapshots,
        differences: Differences,
        leases: Leases,
        assembler: Assembler,
        catalog: Catalog,
        names: Names,
        announce: Announce,
    ) -> None:
        self._blobs = blobs
        self._snapshots = snapshots
        self._differences = differences
        self._leases = leases
        self._assembler = assembler
        self._catalog = catalog
        self._names = names
        self._announce = announce

    async def load_file_system(
        self, archive: AsyncIterator[bytes], wish: Wish, platform: Platform | None = None
    ) -> str:
        """Make an image of one layer out of a tar, however it is compressed; answers its id."""
        lease_id = f"import-{secrets.token_hex(8)}"
        async with self._leases.hold(lease_id) as lease:
            digest, size = await self._blobs.ingest(lease, decompressed(archive, whole=True), lease=lease)
            layer = Descriptor(LAYER_TYPE, digest, size)
            await self._assembler.unpack(layer, (digest,), lease)
            config = _config({}, [digest], wish, platform or platforms.host(), created_by="")
            image_id, target = await self._assembler.store(config, [layer], lease)
            await self._name(image_id, target, wish, parent="")
        self._announce("import", image_id, {"name": image_id})
        return image_id

    async def commit(self, snapshot: str, base: Manifest, config: dict[str, Any], wish: Wish, command: str) -> str:
        """Make an image out of a container's snapshot, on top of the image it was made from; answers its id."""
        lease_id = f"commit-{secrets.token_hex(8)}"
        async with self._leases.hold(lease_id) as lease:
            layer, diff_id = await self._difference(snapshot, base, lease)
            diff_ids = [*base.diff_ids, diff_id]
            await self._assembler.unpack(layer, tuple(diff_ids), lease)
            parent = {**base.config, "config": config}
            document = _config(parent, diff_ids, wish, base.platform, created_by=command)
            image_id, target = await self._assembler.store(document, [*base.layers, layer], lease)
            self._announce("create", image_id, {"name": image_id})
            await self._name(image_id, target, wish, parent=base.config_digest)
        return image_id

    async def _difference(self, snapshot: str, base: Manifest, lease: str) -> tuple[Descriptor, str]:
        key = f"view-{lease}"
        chain = base.chain_ids
        below = await self._snapshots.view(key, chain[-1] if chain else "", lease=lease)
        try:
            found = await self._differences.diff(
                below, await self._snapshots.mounts(snapshot), media_type=LAYER_TYPE, ref=lease, lease=lease
            )
        finally:
            await self._snapshots.remove(key)
        return Descriptor(found.media_type, found.digest, found.size), found.digest  # packed when it is pushed

    async def _name(self, image_id: str, target: Descriptor, wish: Wish, *, parent: str) -> None:
        if wish.reference is None:
            await self._names.keep_dangling(target, parent)
            return
        await self._names.tag(target, wish.reference, parent)
        self._announce("tag", image_id, {"name": wish.reference.familiar})


def _config(
    parent: dict[str, Any], diff_ids: list[str], wish: Wish, platform: Platform, *, created_by: str
) -> dict[str, Any]:
    """The new image's config: the parent's, with one more layer and one more step of history."""
    now = timestamps.now()
    step = {"created": now, "created_by": created_by, "author": wish.author, "comment": wish.comment}
    return {
        "architecture": platform.architecture,
        "os": platform.os,
        **({"variant": platform.variant} if platform.variant else {}),
        "created": now,
        **({"author": wish.author} if wish.author else {}),
        "config": dockerfile.apply(parent.get("config") or {}, wish.changes),
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [*(parent.get("history") or ()), {key: text for key, text in step.items() if text}],
    }
