"""Layers as they go to a registry: those that were made here lie as plain tars, and are compressed when first pushed.

A build would otherwise pay for a push that most images never see. The image's config names its layers by what is in
them, so its id stays; its manifest names the blobs, so the digest that a registry knows is only known by a push, as
with dockerd. The compressed layer carries containerd's label for what it is uncompressed: the next push finds it by
that, for as long as some image holds it.
"""

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any, Protocol

from engine.images.assemble import LAYER_TYPE, MANIFEST_TYPE, manifest_labels
from engine.images.catalog import Catalog
from engine.images.manifests import INDEX_TYPES
from engine.images.model import Descriptor, Manifest, Name
from engine.images.names import Leases, Names
from proto.containerd.services.content.v1 import content_pb2
from proto.errdefs import DataLoss, NotFound

PACKED_TYPE = f"{LAYER_TYPE}+gzip"
_UNCOMPRESSED = "containerd.io/uncompressed"
_PIECE = 1 << 20  # the same pieces each time: what the compressor makes of a layer depends on them
_GZIP = b"\x1f\x8b"


class Blobs(Protocol):
    """The part of the content service that packing takes."""

    async def read(self, digest: str) -> bytes: ...

    def chunks(self, digest: str, offset: int = 0, size: int = 0) -> AsyncIterator[bytes]: ...

    async def list(self, *filters: str) -> list[content_pb2.Info]: ...

    async def update(self, info: content_pb2.Info, paths: Iterable[str]) -> content_pb2.Info: ...

    async def ingest(self, ref: str, chunks: AsyncIterator[bytes], *, lease: str = "") -> tuple[str, int]: ...

    async def write(self, ref: str, data: bytes, digest: str, labels: dict[str, str], *, lease: str = "") -> None: ...


class Packer:
    """Compresses images' layers."""

    def __init__(self, blobs: Blobs, leases: Leases, catalog: Catalog, names: Names) -> None:
        self._blobs = blobs
        self._leases = leases
        self._catalog = catalog
        self._names = names

    async def packed(self, name: Name) -> Name:
        """See that a name stands for compressed layers. What came as an index is somebody else's, to the last byte."""
        if name.target.media_type in INDEX_TYPES or name.reference is None:
            return name
        manifest = await self._catalog.manifest(name.target)
        if all(layer.media_type != LAYER_TYPE for layer in manifest.layers):
            return name
        async with self._leases.hold(f"push-{secrets.token_hex(8)}") as lease:
            target = await self._pack(manifest, lease)
            await self._names.tag(target, name.reference, name.parent)
        return replace(name, target=target)

    async def _pack(self, manifest: Manifest, lease: str) -> Descriptor:
        """The same image with compressed layers; the lease keeps it until it has a name."""
        document = json.loads(await self._blobs.read(manifest.digest))
        layers: list[dict[str, Any]] = document["layers"]
        packed: dict[str, Descriptor] = {}
        for layer in layers:
            if layer.get("mediaType") != LAYER_TYPE:
                continue
            digest = str(layer["digest"])
            if digest not in packed:
                packed[digest] = await self._known(digest, lease) or await self._compress(digest, lease)
            found = packed[digest]
            layer |= {"mediaType": found.media_type, "digest": found.digest, "size": found.size}
        data = json.dumps(document, separators=(",", ":")).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        labels = manifest_labels(manifest.config_digest, [str(layer["digest"]) for layer in layers])
        await self._blobs.write(f"{lease}-{digest}", data, digest, labels, lease=lease)
        return Descriptor(manifest.media_type or MANIFEST_TYPE, digest, len(data))

    async def _known(self, digest: str, lease: str) -> Descriptor | None:
        """What an earlier push has made of a layer."""
        for info in await self._blobs.list(f'labels."{_UNCOMPRESSED}"=={digest}'):
            if info.digest == digest:
                continue
            try:
                await self._leases.add(lease, info.digest, "content")
                head = b"".join([piece async for piece in self._blobs.chunks(info.digest, 0, len(_GZIP))])
            except NotFound:
                continue  # the collector was quicker
            if head.startswith(_GZIP):
                return Descriptor(PACKED_TYPE, info.digest, info.size)
        return None

    async def _compress(self, digest: str, lease: str) -> Descriptor:
        plain = hashlib.sha256()
        ref = f"{lease}-{secrets.token_hex(8)}"
        packed, size = await self._blobs.ingest(ref, _gzipped(self._blobs.chunks(digest), plain), lease=lease)
        if f"sha256:{plain.hexdigest()}" != digest:
            raise DataLoss(f"the layer {digest} is not what it was: its digest is sha256:{plain.hexdigest()} now")
        labels = {_UNCOMPRESSED: digest}
        await self._blobs.update(content_pb2.Info(digest=packed, labels=labels), [f"labels.{_UNCOMPRESSED}"])
        return Descriptor(PACKED_TYPE, packed, size)


async def _gzipped(chunks: AsyncIterator[bytes], plain: "hashlib._Hash") -> AsyncIterator[bytes]:
    """A layer compressed; no name and no time is in its header, so it has the same digest each time."""
    from isal import isal_zlib  # only a push needs it

    compressor = isal_zlib.compressobj(2, isal_zlib.DEFLATED, 31)

    def compress(piece: bytes) -> bytes:
        plain.update(piece)
        return bytes(compressor.compress(piece))

    async for piece in _even(chunks):
        if packed := await asyncio.to_thread(compress, piece):
            yield packed
    yield compressor.flush()


async def _even(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces of one size."""
    waiting = bytearray()
    async for chunk in chunks:
        waiting += chunk
        while len(waiting) >= _PIECE:
            yield bytes(waiting[:_PIECE])
            del waiting[:_PIECE]
    if waiting:
        yield bytes(waiting)
