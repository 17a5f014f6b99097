"""`docker save`: images as one tar that is a docker archive and an OCI layout at once, written straight from content.

    oci-layout
    index.json            one entry per image and name, for tools that read OCI layouts
    manifest.json         [{Config, RepoTags, Layers}], for `docker load` of every version
    repositories          {name: {tag: layer}}, for the oldest
    blobs/sha256/<hex>    manifests, configs, layers, each once

Blobs keep the compression they were pulled with. The JSON files come last: by then every blob was there to be read.
"""

import json
import tarfile
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.images.catalog import Catalog
from engine.images.model import Descriptor, Image, Manifest
from engine.images.platform import Platform
from engine.images.reference import Reference
from engine.images.removal import Announce
from proto.containerd.services.content.v1 import content_pb2
from proto.errdefs import DataLoss

_BLOCK = 512
_RECORD = 10240
_OCI_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


class Blobs(Protocol):
    """The part of the content service that saving takes."""

    async def info(self, digest: str) -> content_pb2.Info: ...

    async def read(self, digest: str) -> bytes: ...

    def chunks(self, digest: str, offset: int = 0, size: int = 0) -> AsyncIterator[bytes]: ...


@dataclass(slots=True)
class _Item:
    """An image to save, under the names that were asked for."""

    image: Image
    names: list[Reference] = field(default_factory=list)


class Saver:
    """Writes archives."""

    def __init__(self, blobs: Blobs, catalog: Catalog, announce: Announce) -> None:
        self._blobs = blobs
        self._catalog = catalog
        self._announce = announce

    async def save(self, texts: Collection[str], platform: Platform | None = None) -> AsyncIterator[bytes]:
        """The archive, piece by piece; nothing is sent before all of it has been found."""
        items = await self._items(texts, platform)
        for digest in {digest for item in items for digest in _blobs_of(item.image.manifest)}:
            await self._blobs.info(digest)
        written: set[str] = set()
        yield _header("blobs/", 0, kind=tarfile.DIRTYPE) + _header("blobs/sha256/", 0, kind=tarfile.DIRTYPE)
        for item in items:
            for digest in _blobs_of(item.image.manifest):
                if digest not in written:
                    written.add(digest)
                    async for piece in self._blob(digest):
                        yield piece
            self._announce("save", item.image.id, {"name": item.image.id})
        for name, document in (
            ("index.json", await self._index(items)),
            ("manifest.json", _manifest(items)),
            ("repositories", _repositories(items)),
        ):
            yield _file(name, json.dumps(document, separators=(",", ":")).encode())
        yield _file("oci-layout", _OCI_LAYOUT)
        yield bytes(2 * _BLOCK)

    async def _items(self, texts: Collection[str], platform: Platform | None) -> list[_Item]:
        items: dict[str, _Item] = {}
        for text in texts:
            image = await self._catalog.resolve(text, platform)
            item = items.setdefault(image.id, _Item(image))
            item.names += [name for name in _named_by(image, text) if name not in item.names]
        return list(items.values())

    async def _blob(self, digest: str) -> AsyncIterator[bytes]:
        size = (await self._blobs.info(digest)).size
        yield _header(_path(digest), size)
        sent = 0
        async for chunk in self._blobs.chunks(digest):
            sent += len(chunk)
            yield chunk
        if sent != size:
            raise DataLoss(f"{digest} is {sent} bytes long instead of {size}")
        yield bytes(-size % _BLOCK)

    async def _index(self, items: list[_Item]) -> dict[str, Any]:
        entries: list[dict[str, Any]] = []
        for item in items:
            manifest = item.image.manifest
            raw = await self._blobs.read(manifest.digest)
            media_type = json.loads(raw).get("mediaType") or _MANIFEST_TYPE
            entry = {"mediaType": media_type, "digest": manifest.digest, "size": len(raw)}
            for name in item.names:
                annotations = {"io.containerd.image.name": str(name), "org.opencontainers.image.ref.name": name.tag}
                entries.append({**entry, "annotations": annotations})
            if not item.names:
                entries.append(entry)
        return {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}


def _named_by(image: Image, text: str) -> list[Reference]:
    """The tags that a request meant: one, or every tag of a repository; an id means none."""
    if image.id.startswith(text) or image.id.removeprefix("sha256:").startswith(text):
        return []
    return [name for name in image.references if name.tag and text in (name.familiar, str(name), *_bare(name))]


def _bare(name: Reference) -> list[str]:
    return [name.familiar_name, name.name] if name.tag == "latest" else []


def _manifest(items: list[_Item]) -> list[dict[str, Any]]:
    return [
        {
            "Config": _path(item.image.id),
            "RepoTags": [name.familiar for name in item.names] or None,
            "Layers": [_path(layer.digest) for layer in item.image.manifest.layers],
        }
        for item in items
    ]


def _repositories(items: list[_Item]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for item in items:
        layers = item.image.manifest.layers
        for name in item.names:
            top = layers[-1].digest if layers else item.image.id
            found.setdefault(name.familiar_name, {})[name.tag] = top.rpartition(":")[2]
    return found


def _blobs_of(manifest: Manifest) -> list[str]:
    return [*(layer.digest for layer in _unique(manifest.layers)), manifest.config_digest, manifest.digest]


def _unique(layers: tuple[Descriptor, ...]) -> list[Descriptor]:
    return list({layer.digest: layer for layer in layers}.values())


def _path(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def _file(name: str, data: bytes) -> bytes:
    return _header(name, len(data)) + data + bytes(-len(data) % _BLOCK)


def _header(name: str, size: int, *, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.type = kind
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    return info.tobuf(tarfile.GNU_FORMAT)
