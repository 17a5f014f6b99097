"""`docker rmi --platform`: the content of single platforms of an image goes, its names and the other platforms stay.

Content is shared, and so every image that has the same variant loses it: clients have to force it, as with dockerd.
What other variants need stays. An image of which nothing is left goes altogether.
"""

import contextlib
from collections.abc import Collection
from typing import Protocol

from engine.images.catalog import Catalog
from engine.images.manifests import Manifests
from engine.images.model import Image, Manifest
from engine.images.names import Names
from engine.images.platform import Platform
from engine.images.removal import Announce, Removed
from engine.images.sizes import Sizes
from engine.images.variants import Variants, lacking
from proto.errdefs import InvalidArgument, NotFound

NOT_FORCED = (
    "Content will be removed from all images referencing this variant. Use --force to force delete."  # dockerd's words
)


class Deletions(Protocol):
    """The part of the content service that removing takes."""

    async def delete(self, digest: str) -> None: ...


class PlatformRemover:
    """Removes variants."""

    def __init__(
        self,
        catalog: Catalog,
        manifests: Manifests,
        variants: Variants,
        names: Names,
        sizes: Sizes,
        blobs: Deletions,
        announce: Announce,
    ) -> None:
        self._catalog = catalog
        self._manifests = manifests
        self._variants = variants
        self._names = names
        self._sizes = sizes
        self._blobs = blobs
        self._announce = announce

    async def remove(self, text: str, platforms: Collection[Platform], *, force: bool) -> tuple[Removed, list[str]]:
        """Remove them, all or none; answers what goes to the client, and the snapshots that went."""
        if not force:
            raise InvalidArgument(NOT_FORCED)
        image = await self._catalog.resolve(text)
        going = [await self._chosen(image, text, platform) for platform in platforms]
        kept = await self._needed_by_others({manifest.digest for manifest in going})
        removed = Removed()
        chains: list[str] = []
        for manifest in going:
            for digest in _blobs_of(manifest):
                if digest not in kept:
                    with contextlib.suppress(NotFound):
                        await self._blobs.delete(digest)
            removed.deleted.append(manifest.digest)
            chains += manifest.chain_ids
        self._manifests.forget()
        self._sizes.forget(chains)
        await self._end_empty(image)
        return removed, chains

    async def _chosen(self, image: Image, text: str, platform: Platform) -> Manifest:
        for variant in await self._variants.of_image(image):
            if variant.manifest is not None and variant.suits((platform,)):
                return variant.manifest
        reason = lacking(text, platform)
        raise NotFound(f"failed to delete platform {platform} for image {image.id}: {reason}")

    async def _needed_by_others(self, going: set[str]) -> set[str]:
        """What the variants that stay refer to, of this and of all other images."""
        kept: set[str] = set()
        for image in await self._catalog.all():
            for variant in await self._variants.of_image(image):
                if variant.manifest is not None and variant.digest not in going:
                    kept |= set(_blobs_of(variant.manifest))
        return kept

    async def _end_empty(self, image: Image) -> None:
        """Names that lead to nothing any more would be in everybody's way, and in no list."""
        for name in image.names:
            try:
                left = await self._variants.of(name.target)
            except NotFound:
                left = []
            if not any(variant.is_image and variant.manifest is not None for variant in left):
                await self._names.drop(name.record, sync=True)
                if name.reference is not None:
                    self._announce("untag", image.id, {"name": image.id})


def _blobs_of(manifest: Manifest) -> list[str]:
    return [manifest.digest, manifest.config_digest, *(layer.digest for layer in manifest.layers)]
