"""What is said about an image comes along with a pull, as with dockerd: the attestations of the platform pulled.

They are in the image's index, but for no platform, and so a transfer passes them over. A pull that cannot have them is
as good as one of an image that has none.
"""

import logging
import secrets

from engine.images.hosts import Access
from engine.images.keeping import Keeper
from engine.images.manifests import INDEX_TYPES
from engine.images.model import PASSING_PREFIX, Descriptor
from engine.images.mover import Mover
from engine.images.names import Names
from engine.images.pull import registry
from engine.images.reference import Reference
from engine.images.registry_auth import Credentials
from engine.images.variants import Variant, Variants
from proto.containerd.types.transfer import imagestore_pb2
from proto.errdefs import Fault

logger = logging.getLogger(__name__)

_MOST = 8  # a build attaches one for each platform


class Companions:
    """Fetches attestations."""

    def __init__(self, mover: Mover, variants: Variants, keeper: Keeper, names: Names, access: Access) -> None:
        self._mover = mover
        self._variants = variants
        self._keeper = keeper
        self._names = names
        self._access = access

    async def fetch(self, reference: Reference, target: Descriptor, credentials: Credentials) -> None:
        """See that those of what is here of an index are here, too."""
        if target.media_type not in INDEX_TYPES:
            return
        try:
            missing = await self._missing(target)
            for one in missing[:_MOST]:
                await self._one(reference.with_digest(one.digest), credentials, target)
        except Fault as fault:
            logger.info("attestations of %s: %s", reference.familiar, fault)

    async def _missing(self, target: Descriptor) -> list[Variant]:
        everything = await self._variants.of(target)
        subjects = {one.digest for one in everything if one.is_image and one.available}
        return [one for one in everything if one.subject in subjects and not one.available]

    async def _one(self, reference: Reference, credentials: Credentials, target: Descriptor) -> None:
        record = f"{PASSING_PREFIX}{secrets.token_hex(8)}"
        source, streams = registry(reference, credentials, self._access)
        try:
            async for _ in self._mover.move(source, imagestore_pb2.ImageStore(name=record), streams):
                pass
            await self._keeper.keep(target)
        finally:
            await self._names.drop(record)
