"""The images there are, as Docker counts them: records gathered by config digest, and found by any spelling.

Records whose name is not a reference (`moby-dangling@sha256:…`) keep an image without naming it. A record whose
content is not all there, or that is no image, is passed over.
"""

import logging
from collections.abc import Iterable
from typing import Protocol

from engine.images import reference as references
from engine.images.manifests import Manifests
from engine.images.model import DANGLING_PREFIX, PARENT_LABEL, PASSING_PREFIX, Descriptor, Image, Manifest, Name
from engine.images.platform import Platform
from engine.images.reference import Reference
from proto.containerd.services.images.v1 import images_pb2
from proto.errdefs import DataLoss, InvalidArgument, NotFound

logger = logging.getLogger(__name__)


class Records(Protocol):
    """The part of the image service that looking takes."""

    async def get(self, name: str) -> images_pb2.Image: ...

    async def list(self, *filters: str) -> list[images_pb2.Image]: ...


class Catalog:
    """Looks images up."""

    def __init__(self, records: Records, manifests: Manifests) -> None:
        self._records = records
        self._manifests = manifests

    async def all(self) -> list[Image]:
        """Every image, in no particular order."""
        records = await self._records.list()
        return await self._gather(record for record in records if not record.name.startswith(PASSING_PREFIX))

    async def resolve(self, text: str, platform: Platform | None = None) -> Image:
        """The image that a name, an id, or the start of an id stands for, with all its names."""
        found = _find(text, await self.all())
        if platform is None or platform.rank(found.manifest.platform) is not None:
            return found
        return await self._for_platform(found, text, platform)

    async def resolve_quickly(self, text: str) -> Image:
        """Like `resolve`, without gathering the image's other names where the first look-up already finds it."""
        if not references.is_digest(text) and not _is_whole_id(text):
            record = str(references.parse(text).with_default_tag())
            try:
                name = name_from_record(await self._records.get(record))
                return Image(await self._manifests.read(name.target), (name,))
            except (NotFound, DataLoss):
                pass  # it may be an id, or a digest of another spelling
        return await self.resolve(text)

    def forget(self) -> None:
        """Content came or went: an index may lead to another manifest now."""
        self._manifests.forget()

    async def manifest(self, target: Descriptor) -> Manifest:
        return await self._manifests.read(target)

    async def _gather(self, records: Iterable[images_pb2.Image]) -> list[Image]:
        manifests: dict[str, Manifest] = {}
        names: dict[str, list[Name]] = {}
        for record in records:
            name = name_from_record(record)
            try:
                manifest = await self._manifests.read(name.target)
            except (NotFound, DataLoss) as fault:
                logger.debug("image record without its content", extra={"record": name.record, "reason": str(fault)})
                continue
            manifests.setdefault(manifest.config_digest, manifest)
            names.setdefault(manifest.config_digest, []).append(name)
        return [Image(manifest, tuple(names[image_id])) for image_id, manifest in manifests.items()]

    async def _for_platform(self, image: Image, text: str, platform: Platform) -> Image:
        for name in image.names:
            try:
                return Image(await self._manifests.read(name.target, platform), image.names)
            except NotFound:
                continue
        raise NotFound(
            f"image with reference {text} was found but does not provide the specified platform ({platform})"
        )


def name_from_record(record: images_pb2.Image) -> Name:
    target = Descriptor(record.target.media_type, record.target.digest, record.target.size)
    reference = None
    if not record.name.startswith(DANGLING_PREFIX):
        try:
            reference = references.parse_canonical(record.name)
        except InvalidArgument:
            logger.debug("image record with a name of its own kind", extra={"record": record.name})
    return Name(record.name, target, reference, record.updated_at.ToNanoseconds(), record.labels.get(PARENT_LABEL, ""))


def no_such_image(text: str) -> NotFound:
    """Docker's words, with the tag that a bare name implies."""
    try:
        familiar = text if references.is_digest(text) else references.parse(text).with_default_tag().familiar
    except InvalidArgument:
        familiar = text
    return NotFound(f"No such image: {familiar}")


def _find(text: str, images: list[Image]) -> Image:
    """Docker's order: a whole digest, a name, then the start of an id."""
    if _is_whole_id(text):
        text = f"sha256:{text}"
    if references.is_digest(text):
        found = [image for image in images if image.id == text]
    else:
        wanted = references.parse(text).with_default_tag()
        found = [image for image in images if _has_name(image, wanted)]
    if not found and references.is_id_prefix(text):
        found = [image for image in images if image.id.removeprefix("sha256:").startswith(text.removeprefix("sha256:"))]
    if len(found) != 1:  # an ambiguous start names nothing
        raise no_such_image(text)
    return found[0]


def _is_whole_id(text: str) -> bool:
    return len(text) == 64 and references.is_id_prefix(text)


def _has_name(image: Image, wanted: Reference) -> bool:
    if not wanted.digest:
        return wanted in image.references
    if any((known.name, known.digest) == (wanted.name, wanted.digest) for known in image.references):
        return True
    # the registry's digest of an image that came another way: any name of the repository will do
    return any(
        name.reference is not None and name.reference.name == wanted.name and name.target.digest == wanted.digest
        for name in image.names
    )
