"""Removes images that nobody uses: the dangling ones, or with `dangling=false` every one without a container."""

from engine.filters import Filters
from engine.images.catalog import Catalog
from engine.images.listing import understand
from engine.images.model import Image
from engine.images.removal import Announce, Removed, Remover
from engine.images.sizes import Sizes
from proto.errdefs import Conflict, InvalidArgument, NotFound


class Pruner:
    """Prunes; two prunes at once are refused, as dockerd refuses them."""

    def __init__(self, catalog: Catalog, remover: Remover, sizes: Sizes, announce: Announce) -> None:
        self._catalog = catalog
        self._remover = remover
        self._sizes = sizes
        self._announce = announce
        self._running = False

    async def prune(self, filters: Filters) -> tuple[list[Removed], int]:
        """Remove what the filters leave; answers what went and how many bytes that freed."""
        if self._running:
            raise Conflict("a prune operation is already running")
        self._running = True
        try:
            return await self._prune(filters)
        finally:
            self._running = False

    async def preview(self, filters: Filters) -> tuple[list[Removed], int]:
        """What `prune` would remove and free, as far as one can know before."""
        selection = await understand(filters, self._catalog.resolve)
        dangling_only = selection.dangling is not False
        used = self._remover.used()
        going: list[Image] = []
        sizes: dict[str, int] = {}
        kept: set[str] = set()
        for image in await self._catalog.all():
            if image.id in used or (dangling_only and image.tags) or not selection.chooses(image):
                kept.update(image.manifest.chain_ids)
                continue
            going.append(image)
            sizes |= dict(zip(image.manifest.chain_ids, await self._sizes.layers(image.manifest), strict=True))
        removed = [Removed([name.familiar for name in image.references], [image.id]) for image in going]
        return removed, sum(size for chain_id, size in sizes.items() if chain_id not in kept)

    async def _prune(self, filters: Filters) -> tuple[list[Removed], int]:
        if len(filters.get("until")) > 1:
            raise InvalidArgument("more than one until filter specified")
        selection = await understand(filters, self._catalog.resolve)
        dangling_only = selection.dangling is not False
        removed: list[Removed] = []
        freed = 0
        for image in await self._catalog.all():
            if (dangling_only and image.tags) or not selection.chooses(image):
                continue
            sizes = dict(zip(image.manifest.chain_ids, await self._sizes.layers(image.manifest), strict=True))
            for one in await self._remove(image):
                removed.append(one)
                freed += sum(sizes.get(digest, 0) for digest in one.deleted)
        self._announce("prune", "", {"reclaimed": str(freed)})
        return removed, freed

    async def _remove(self, image: Image) -> list[Removed]:
        removed = []
        for text in [reference.familiar for reference in image.references] or [image.id]:
            try:
                removed.append(await self._remover.remove(text))
            except (Conflict, NotFound):  # in use, or gone with an earlier name
                continue
        return removed
