"""What one name of an image leads to: a manifest for each platform and what is said about them, here or elsewhere.

An index names more than anybody pulls. A variant is *available* once its manifest, its config and all its layers are in
the supervisor's content. Attestations are manifests that say which other manifest they are about:
https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from engine.images.manifests import Manifests, descriptor_from
from engine.images.model import Descriptor, Image, Manifest
from engine.images.platform import Platform, from_document
from proto.containerd.services.content.v1 import content_pb2
from proto.errdefs import DataLoss, NotFound

Json = dict[str, Any]

_KIND = "vnd.docker.reference.type"
_SUBJECT = "vnd.docker.reference.digest"
_ATTESTATION = "attestation-manifest"


class Blobs(Protocol):
    """The part of the content service that looking takes."""

    async def info(self, digest: str) -> content_pb2.Info: ...


@dataclass(frozen=True, slots=True)
class Variant:
    """One manifest under a name."""

    entry: Json  # its descriptor, as the index has it
    manifest: Manifest | None = None  # none where it, or its config, is not here
    available: bool = False

    @property
    def digest(self) -> str:
        return str(self.entry["digest"])

    @property
    def is_attestation(self) -> bool:
        return (self.entry.get("annotations") or {}).get(_KIND) == _ATTESTATION

    @property
    def subject(self) -> str:
        """The manifest that an attestation is about."""
        return str((self.entry.get("annotations") or {}).get(_SUBJECT) or "") if self.is_attestation else ""

    @property
    def is_image(self) -> bool:
        """Something that could run, as far as one can see."""
        stated = self.entry.get("platform") or {}
        return not self.is_attestation and stated.get("architecture") != "unknown"

    @property
    def platform(self) -> Platform | None:
        """What the index says, or else the config."""
        if self.entry.get("platform"):
            return from_document(self.entry["platform"])
        return self.manifest.platform if self.manifest is not None else None

    def suits(self, wanted: Collection[Platform]) -> bool:
        """Whether it is for one of just these platforms."""
        return self.is_image and self.platform in wanted


class Variants:
    """Looks them up."""

    def __init__(self, manifests: Manifests, blobs: Blobs) -> None:
        self._manifests = manifests
        self._blobs = blobs

    async def of(self, target: Descriptor) -> list[Variant]:
        """All under one target, in the order of the index."""
        return [await self._variant(entry) for entry in await self._manifests.entries(target)]

    async def of_image(self, image: Image) -> list[Variant]:
        """All under any of an image's names, each once."""
        found: dict[str, Variant] = {}
        for target in dict.fromkeys(name.target for name in image.names):
            for variant in await self.of(target):
                found.setdefault(variant.digest, variant)
        return list(found.values())

    async def indexes(self, target: Descriptor) -> list[Descriptor]:
        """The indexes through which one gets there, outermost first."""
        return await self._manifests.indexes(target)

    async def _variant(self, entry: Json) -> Variant:
        try:
            manifest = await self._manifests.at(descriptor_from(entry))
        except (NotFound, DataLoss):
            return Variant(entry)
        return Variant(entry, manifest, await self._all_there(layer.digest for layer in manifest.layers))

    async def _all_there(self, digests: Iterable[str]) -> bool:
        try:
            for digest in digests:
                await self._blobs.info(digest)
        except NotFound:
            return False
        return True


def lacking(reference: str, platform: Platform | None) -> NotFound:
    """Docker's words for an image that is not there for a platform."""
    what = f"the specified platform ({platform})" if platform is not None else "any platform"
    return NotFound(f"image with reference {reference} was found but does not provide {what}")
