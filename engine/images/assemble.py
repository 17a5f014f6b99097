"""Makes an image out of layers: config and manifest stored, the new layer unpacked, under a lease until it has a name.

The labels are those by which the supervisor's collector follows an image: manifest → config and layers, config →
snapshot.
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable
from typing import Any, Protocol

from engine.images.model import Descriptor, chain_ids
from proto.containerd.services.content.v1 import content_pb2
from proto.containerd.types import descriptor_pb2, mount_pb2
from proto.errdefs import AlreadyExists, DataLoss, NotFound

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


class Blobs(Protocol):
    """The part of the content service that making takes."""

    async def write(self, ref: str, data: bytes, digest: str, labels: dict[str, str], *, lease: str = "") -> None: ...

    async def update(self, info: content_pb2.Info, paths: Iterable[str]) -> content_pb2.Info: ...


class Snapshots(Protocol):
    """The part of the snapshot service that unpacking takes."""

    async def prepare(self, key: str, parent: str, *, lease: str = "") -> list[mount_pb2.Mount]: ...

    async def commit(self, name: str, key: str, *, lease: str = "") -> None: ...

    async def remove(self, key: str) -> None: ...


class Layers(Protocol):
    """The part of the diff service that unpacking takes."""

    async def apply(
        self, layer: descriptor_pb2.Descriptor, mounts: Iterable[mount_pb2.Mount], *, lease: str = ""
    ) -> descriptor_pb2.Descriptor: ...


class Assembler:
    """Makes images."""

    def __init__(self, blobs: Blobs, snapshots: Snapshots, layers: Layers, snapshotter: str) -> None:
        self._blobs = blobs
        self._snapshots = snapshots
        self._layers = layers
        self._snapshotter = snapshotter

    async def store(self, config: dict[str, Any], layers: list[Descriptor], lease: str) -> tuple[str, Descriptor]:
        """Store config and manifest; answers the image's id and what a record is to point at."""
        chain = chain_ids(tuple(config["rootfs"]["diff_ids"]))
        labels = {self._snapshot_label: chain[-1]} if chain else {}
        described = await self._write(CONFIG_TYPE, config, labels, lease)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _document(described),
            "layers": [_document(layer) for layer in layers],
        }
        labels = manifest_labels(described.digest, [layer.digest for layer in layers])
        return described.digest, await self._write(MANIFEST_TYPE, manifest, labels, lease)

    async def unpack(self, layer: Descriptor, diff_ids: tuple[str, ...], lease: str) -> None:
        """Unpack the uppermost layer onto those below it."""
        chain = chain_ids(diff_ids)
        parent, name = (chain[-2] if len(chain) > 1 else ""), chain[-1]
        key = f"extract-{lease}"
        try:
            mounts = await self._snapshots.prepare(key, parent, lease=lease)
            target = descriptor_pb2.Descriptor(media_type=layer.media_type, digest=layer.digest, size=layer.size)
            applied = await self._layers.apply(target, mounts, lease=lease)
            if applied.digest != diff_ids[-1]:
                raise DataLoss(f"wrong diff id calculated on extraction {applied.digest!r}, expected {diff_ids[-1]!r}")
            await self._snapshots.commit(name, key, lease=lease)
        except BaseException as error:
            with contextlib.suppress(NotFound):
                await self._snapshots.remove(key)
            if not isinstance(error, AlreadyExists):  # the same layer was there
                raise

    async def keep(self, config_digest: str, chain_id: str) -> None:
        """Let a stored config hold on to the snapshot that was made for it."""
        label = self._snapshot_label
        info = content_pb2.Info(digest=config_digest, labels={label: chain_id})
        await self._blobs.update(info, [f"labels.{label}"])

    @property
    def _snapshot_label(self) -> str:
        return f"containerd.io/gc.ref.snapshot.{self._snapshotter}"

    async def _write(self, kind: str, document: dict[str, Any], labels: dict[str, str], lease: str) -> Descriptor:
        data = json.dumps(document, separators=(",", ":")).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        await self._blobs.write(f"{lease}-{digest}", data, digest, labels, lease=lease)
        return Descriptor(kind, digest, len(data))


def manifest_labels(config: str, layers: list[str]) -> dict[str, str]:
    """What a manifest keeps from the collector."""
    labels = {f"containerd.io/gc.ref.content.l.{n}": layer for n, layer in enumerate(layers)}
    return {**labels, "containerd.io/gc.ref.content.config": config}


def _document(descriptor: Descriptor) -> dict[str, Any]:
    return {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}
