"""What is said about an image: in-toto statements that a build attached to it, beside it in its index.

https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md. Only what is here is looked at,
and only statements that name the type of what they say.
"""

from collections.abc import Collection
from typing import Any, Protocol

from engine import jsontext
from engine.images import platform as platforms
from engine.images.manifests import DOCUMENT_LIMIT, Manifests, descriptor_from
from engine.images.model import Descriptor, Image
from engine.images.platform import Platform
from engine.images.variants import Variant, Variants
from proto.errdefs import DataLoss, Internal, NotFound

Json = dict[str, Any]

_PREDICATE_TYPE = "in-toto.io/predicate-type"
_OCI_INDEX = "application/vnd.oci.image.index.v1+json"


class Blobs(Protocol):
    """The part of the content service that reading takes."""

    async def read(self, digest: str) -> bytes: ...


class Attestations:
    """Looks statements up."""

    def __init__(self, manifests: Manifests, variants: Variants, blobs: Blobs) -> None:
        self._manifests = manifests
        self._variants = variants
        self._blobs = blobs

    async def of(
        self, image: Image, platform: Platform | None, types: Collection[str] = (), *, statements: bool = False
    ) -> list[Json]:
        """The statements about the image for one platform, of any type or of some; `statements`: with their text."""
        found: list[Json] = []
        for target in dict.fromkeys(name.target for name in image.names):
            if target.media_type == _OCI_INDEX:
                found += await self._under(target, platform or platforms.host(), types, statements=statements)
        return list({one["Descriptor"]["digest"]: one for one in found}.values())

    async def _under(
        self, target: Descriptor, platform: Platform, types: Collection[str], *, statements: bool
    ) -> list[Json]:
        everything = await self._variants.of(target)
        subject = _best(everything, platform)
        if subject is None:
            raise NotFound(f"no manifest found for platform {platform}: not found")
        found = []
        for one in everything:
            if one.subject == subject.digest and one.manifest is not None:
                found += await self._statements(one, types, statements=statements)
        return found

    async def _statements(self, one: Variant, types: Collection[str], *, statements: bool) -> list[Json]:
        document = await self._manifests.document(descriptor_from(one.entry))
        found = []
        for layer in document.get("layers") or ():
            kind = (layer.get("annotations") or {}).get(_PREDICATE_TYPE)
            if kind and (not types or kind in types):
                text = {"Statement": await self._statement(descriptor_from(layer))} if statements else {}
                found.append({"Descriptor": layer, "PredicateType": kind, **text})
        return found

    async def _statement(self, layer: Descriptor) -> Any:
        if layer.size > DOCUMENT_LIMIT:
            raise DataLoss(f"attestation statement {layer.digest} is {layer.size} bytes long, which is too much")
        try:
            return jsontext.loads(await self._blobs.read(layer.digest))
        except NotFound as fault:
            raise Internal(f"attestation statement {layer.digest} is not available locally: {fault}") from fault
        except ValueError as error:
            raise DataLoss(f"attestation statement {layer.digest} is not JSON: {error}") from error


def _best(everything: Collection[Variant], platform: Platform) -> Variant | None:
    """The image for a platform: the very one, or one that it can run as well."""
    ranked = [
        (platform.rank(one.platform), position, one)
        for position, one in enumerate(everything)
        if one.is_image and one.platform is not None
    ]
    fitting = [(rank, position, one) for rank, position, one in ranked if rank is not None]
    return min(fitting, key=lambda entry: entry[:2])[2] if fitting else None
