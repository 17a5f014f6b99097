"""How much room images take: the size of each layer's snapshot, asked once, as committed snapshots never change."""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from engine.images.model import Image, Manifest
from proto.errdefs import NotFound


class Usage(Protocol):
    """The part of the snapshot service that measuring takes."""

    async def usage(self, key: str) -> tuple[int, int]: ...


class Sizes:
    """Sizes of layers, by chain id."""

    def __init__(self, snapshots: Usage) -> None:
        self._snapshots = snapshots
        self._known: dict[str, int] = {}

    async def layers(self, manifest: Manifest) -> list[int]:
        """The size of each layer, lowest first; that of the packed blob where it was never unpacked."""
        sizes = []
        for position, chain_id in enumerate(manifest.chain_ids):
            size = await self._chain(chain_id)
            if size is None:
                size = manifest.layers[position].size if position < len(manifest.layers) else 0
            sizes.append(size)
        return sizes

    async def unpacked(self, manifest: Manifest) -> int:
        """The size of its snapshots; nothing where it was never unpacked."""
        return sum([await self._chain(chain_id) or 0 for chain_id in manifest.chain_ids])

    async def image(self, manifest: Manifest) -> int:
        """The size of the whole image."""
        return sum(await self.layers(manifest))

    async def shared(self, images: Iterable[Image]) -> dict[str, int]:
        """By image id, how many of its bytes other images hold as well."""
        everything = list(images)
        holders = Counter(chain_id for image in everything for chain_id in image.manifest.chain_ids)
        shared = {}
        for image in everything:
            sizes = zip(image.manifest.chain_ids, await self.layers(image.manifest), strict=True)
            shared[image.id] = sum(size for chain_id, size in sizes if holders[chain_id] > 1)
        return shared

    async def total(self, images: Iterable[Image]) -> int:
        """The size of all of them, each layer counted once."""
        sizes: dict[str, int] = {}
        for image in images:
            sizes |= zip(image.manifest.chain_ids, await self.layers(image.manifest), strict=True)
        return sum(sizes.values())

    def forget(self, chain_ids: Iterable[str]) -> None:
        """Layers that were deleted may come back with other holes."""
        for chain_id in chain_ids:
            self._known.pop(chain_id, None)

    async def _chain(self, chain_id: str) -> int | None:
        known = self._known.get(chain_id)
        if known is None:
            try:
                known, _ = await self._snapshots.usage(chain_id)
            except NotFound:
                return None
            self._known[chain_id] = known
        return known
