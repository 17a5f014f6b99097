"""Reads images' manifests and configs out of the supervisor's content, and remembers them: they never change.

An index is followed to the manifest that suits the host best and is really there. Sizes are checked before
reading, so that a manifest of a gigabyte costs nothing (CVE-2026-47262 and its like).
"""

import logging
from collections.abc import Iterable
from typing import Any, Protocol

from engine import jsontext
from engine.images import platform as platforms
from engine.images.model import Descriptor, Manifest
from engine.images.platform import Platform
from proto.errdefs import DataLoss, Fault, NotFound

logger = logging.getLogger(__name__)

INDEX_TYPES = frozenset(
    ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
)
DOCUMENT_LIMIT = 8 << 20
_REMEMBERED = 1024
_NESTING = 3  # an index in an index is legal; a chain of them is somebody's joke


class Blobs(Protocol):
    """The part of the content service that reading takes."""

    async def read(self, digest: str) -> bytes: ...


class Manifests:
    """Target descriptor → Manifest."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._known: dict[tuple[str, Platform | None], Manifest] = {}

    async def read(self, target: Descriptor, platform: Platform | None = None) -> Manifest:
        """The image at a target, for one platform (the host's, or else the first that is there)."""
        key = (target.digest, platform)
        known = self._known.get(key)
        if known is None:
            known = await self._find(target, platform)
            if len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[key] = known
        return known

    async def entries(self, target: Descriptor, nesting: int = _NESTING) -> list[dict[str, Any]]:
        """The descriptors of all manifests under a target, as indexes have them, here or not."""
        if target.media_type not in INDEX_TYPES:
            return [{"mediaType": target.media_type, "digest": target.digest, "size": target.size}]
        found = []
        for entry in (await self._index(target, nesting)).get("manifests") or ():
            if descriptor_from(entry).media_type not in INDEX_TYPES:
                found.append(entry)
                continue
            try:
                found += await self.entries(descriptor_from(entry), nesting - 1)
            except NotFound:
                continue
        return found

    async def indexes(self, target: Descriptor, nesting: int = _NESTING) -> list[Descriptor]:
        """The target, if it is an index, and those in it that are here."""
        if target.media_type not in INDEX_TYPES:
            return []
        found = [target]
        for entry in (await self._index(target, nesting)).get("manifests") or ():
            try:
                found += await self.indexes(descriptor_from(entry), nesting - 1)
            except NotFound:
                continue
        return found

    async def at(self, descriptor: Descriptor) -> Manifest:
        """The very manifest that a descriptor is of."""
        return await self._manifest(descriptor)

    async def document(self, descriptor: Descriptor) -> dict[str, Any]:
        """A small JSON document of the content store."""
        return await self._document(descriptor)

    def forget(self) -> None:
        """Content was removed: what was found once may be gone."""
        self._known.clear()

    async def _find(self, target: Descriptor, platform: Platform | None) -> Manifest:
        missing: Fault | None = None
        for descriptor in await self._candidates(target, platform, _NESTING):
            try:
                manifest = await self._manifest(descriptor)
            except NotFound as fault:  # an index names more platforms than anybody pulls
                missing = missing or fault
                continue
            if platform is None or platform.rank(manifest.platform) is not None:
                return manifest
        raise missing or NotFound(f"no manifest of {target.digest} suits {platform or platforms.host()}")

    async def _candidates(self, target: Descriptor, platform: Platform | None, nesting: int) -> list[Descriptor]:
        """The manifests under a target, the most suitable first."""
        if target.media_type not in INDEX_TYPES:
            return [target]
        index = await self._index(target, nesting)
        found: list[Descriptor] = []
        for entry in _by_rank(index.get("manifests") or (), platform):
            try:
                found += await self._candidates(descriptor_from(entry), platform, nesting - 1)
            except NotFound:
                continue
        return found

    async def _index(self, target: Descriptor, nesting: int) -> dict[str, Any]:
        if nesting == 0:
            raise DataLoss(f"{target.digest}: indexes are nested too deeply")
        return await self._document(target)

    async def _manifest(self, descriptor: Descriptor) -> Manifest:
        document = await self._document(descriptor)
        if "config" not in document:
            raise DataLoss(f"{descriptor.digest} is not an image manifest")
        config = descriptor_from(document["config"])
        layers = tuple(descriptor_from(layer) for layer in document.get("layers") or ())
        return Manifest(
            descriptor.digest,
            config.digest,
            await self._document(config),
            layers,
            str(document.get("mediaType") or descriptor.media_type),
            descriptor.size,
            config.size,
        )

    async def _document(self, descriptor: Descriptor) -> dict[str, Any]:
        if descriptor.size > DOCUMENT_LIMIT:
            raise DataLoss(f"{descriptor.digest} is {descriptor.size} bytes long, which no manifest or config is")
        try:
            document = jsontext.loads(await self._blobs.read(descriptor.digest))
        except ValueError as error:
            raise DataLoss(f"{descriptor.digest} is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise DataLoss(f"{descriptor.digest} is not a JSON object")
        return document


def _by_rank(entries: Iterable[dict[str, Any]], platform: Platform | None) -> list[dict[str, Any]]:
    """Sort an index's entries by how well they suit; attestations, whose platform is `unknown`, are left out."""
    wanted = platform or platforms.host()
    ranked: list[tuple[int, int, dict[str, Any]]] = []
    for position, entry in enumerate(entries):
        rank: int | None = 0
        if entry.get("platform"):
            offered = platforms.from_document(entry["platform"])
            if offered.architecture == "unknown":
                continue
            rank = wanted.rank(offered)
            if rank is None and platform is not None:
                continue
        ranked.append((1000 if rank is None else rank, position, entry))
    return [entry for _, _, entry in sorted(ranked, key=lambda item: item[:2])]


def descriptor_from(document: dict[str, Any]) -> Descriptor:
    try:
        return Descriptor(str(document.get("mediaType", "")), str(document["digest"]), int(document["size"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataLoss(f"a manifest has a broken descriptor: {error}") from error
