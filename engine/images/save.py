"""`docker save`: images as one tar that is a docker archive and an OCI layout at once, written straight from content.

    oci-layout
    index.json            one entry per image and name, for tools that read OCI layouts
    manifest.json         [{Config, RepoTags, Layers}], for `docker load` of every version
    repositories          {name: {tag: layer}}, for the oldest
    blobs/sha256/<hex>    manifests, configs, layers, each once

An image of several platforms goes with its index, as it is, and what is here of the platforms that were asked for;
`manifest.json`, which knows one platform only, has the host's. Blobs keep the compression they were pulled with. The
JSON files come last: by then every blob was there to be read.
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
from engine.images.variants import Variant, Variants, lacking
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
    indexes: tuple[Descriptor, ...] = ()  # outermost first; none where one manifest goes alone
    others: tuple[Manifest, ...] = ()  # of other platforms, and what is said about all of them

    def blobs(self) -> list[str]:
        """Everything of it, each once, what is referred to before what refers."""
        found = [digest for manifest in (self.image.manifest, *self.others) for digest in _blobs_of(manifest)]
        return list(dict.fromkeys([*found, *(index.digest for index in reversed(self.indexes))]))


class Saver:
    """Writes archives."""

    def __init__(self, blobs: Blobs, catalog: Catalog, variants: Variants, announce: Announce) -> None:
        self._blobs = blobs
        self._catalog = catalog
        self._variants = variants
        self._announce = announce

    async def save(self, texts: Collection[str], platforms: Collection[Platform] = ()) -> AsyncIterator[bytes]:
        """The archive, piece by piece; nothing is sent before all of it has been found."""
        items = await self._items(texts, platforms)
        for digest in {digest for item in items for digest in item.blobs()}:
            await self._blobs.info(digest)
        written: set[str] = set()
        yield _header("blobs/", 0, kind=tarfile.DIRTYPE) + _header("blobs/sha256/", 0, kind=tarfile.DIRTYPE)
        for item in items:
            for digest in item.blobs():
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

    async def _items(self, texts: Collection[str], platforms: Collection[Platform]) -> list[_Item]:
        items: dict[str, _Item] = {}
        for text in texts:
            item = await self._item(text, platforms)
            known = items.setdefault(item.image.id, item)
            known.names += [name for name in _named_by(item.image, text) if name not in known.names]
        return list(items.values())

    async def _item(self, text: str, platforms: Collection[Platform]) -> _Item:
        if len(platforms) == 1:
            return _Item(await self._catalog.resolve(text, next(iter(platforms))))
        image = await self._catalog.resolve(text)
        target = _target(image, text)
        everything = await self._variants.of(target)
        chosen = [one for one in everything if one.available and (one.suits(platforms) if platforms else one.is_image)]
        for platform in platforms:
            if not any(one.suits((platform,)) for one in chosen):
                raise lacking(text, platform)
        if len(chosen) < 2:
            return _Item(image)
        manifests = {one.digest: one.manifest for one in (*chosen, *_about(everything, chosen)) if one.manifest}
        first = manifests.pop(image.manifest.digest, None) or manifests.pop(chosen[0].digest)
        assert first is not None
        others = tuple(one for one in manifests.values() if one is not None)
        return _Item(Image(first, image.names), [], tuple(await self._variants.indexes(target)), others)

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
            digest = item.indexes[0].digest if item.indexes else item.image.manifest.digest
            raw = await self._blobs.read(digest)
            implied = item.indexes[0].media_type if item.indexes else _MANIFEST_TYPE
            entry = {"mediaType": json.loads(raw).get("mediaType") or implied, "digest": digest, "size": len(raw)}
            for name in item.names:
                annotations = {"io.containerd.image.name": str(name), "org.opencontainers.image.ref.name": name.tag}
                entries.append({**entry, "annotations": annotations})
            if not item.names:
                entries.append(entry)
        return {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}


def _target(image: Image, text: str) -> Descriptor:
    """Where the name leads that was asked for; one image may be behind several targets."""
    named = _named_by(image, text)
    return next((name.target for name in image.names if name.reference in named), image.names[0].target)


def _about(everything: Collection[Variant], chosen: Collection[Variant]) -> list[Variant]:
    """The attestations of what was chosen."""
    subjects = {one.digest for one in chosen}
    return [one for one in everything if one.available and one.subject in subjects]


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
