"""Sees that an image's layers are snapshots before a container is made of it.

Loads and pulls unpack as they go. Others who bring images into the namespace (`ctr images import --no-unpack`, a pull
for another platform) may not; what is missing is then made from the layers' content.
"""

import secrets

from engine.images.assemble import Assembler
from engine.images.model import Image
from engine.images.names import Leases
from engine.images.sizes import Usage
from proto.errdefs import DataLoss, NotFound


class Unpacker:
    """Unpacks what is not unpacked."""

    def __init__(self, snapshots: Usage, leases: Leases, assembler: Assembler) -> None:
        self._snapshots = snapshots
        self._leases = leases
        self._assembler = assembler
        self._known: set[str] = set()

    async def ensure(self, image: Image) -> None:
        """Make the snapshots that are missing; asked once for each image while it is here."""
        if not image.top or image.top in self._known:
            return
        if not await self._is_there(image.top):
            await self._unpack(image)
        self._known.add(image.top)

    def forget(self, chain_id: str) -> None:
        """The image went away, and may come back packed."""
        self._known.discard(chain_id)

    async def _unpack(self, image: Image) -> None:
        manifest = image.manifest
        if len(manifest.layers) != len(manifest.diff_ids):
            raise DataLoss(f"{image.id} has {len(manifest.layers)} layers and {len(manifest.diff_ids)} diff ids")
        lease_id = f"unpack-{secrets.token_hex(8)}"
        async with self._leases.hold(lease_id) as lease:
            for number, chain_id in enumerate(manifest.chain_ids):
                if not await self._is_there(chain_id):
                    await self._assembler.unpack(manifest.layers[number], manifest.diff_ids[: number + 1], lease)
            await self._assembler.keep(manifest.config_digest, image.top)

    async def _is_there(self, chain_id: str) -> bool:
        try:
            await self._snapshots.usage(chain_id)
        except NotFound:
            return False
        return True
