"""Keeps the platforms of an image from the collector that a transfer brought along, but was not asked to unpack.

An archive's blobs are all in the supervisor's content once it was read; what no label of a parent leads to goes with
the lease that it was read under. The labels are containerd's:
https://github.com/containerd/containerd/blob/main/docs/garbage-collection.md
"""

from collections.abc import Collection, Iterable
from typing import Protocol

from engine.images.model import Descriptor, Manifest
from engine.images.platform import Platform
from engine.images.variants import Variant, Variants
from proto.containerd.services.content.v1 import content_pb2

_REFERENCE = "containerd.io/gc.ref.content."


class Blobs(Protocol):
    """The part of the content service that labelling takes."""

    async def update(self, info: content_pb2.Info, paths: Iterable[str]) -> content_pb2.Info: ...


class Keeper:
    """Labels what is to stay."""

    def __init__(self, variants: Variants, blobs: Blobs) -> None:
        self._variants = variants
        self._blobs = blobs

    async def keep(self, target: Descriptor, wanted: Collection[Platform] = ()) -> list[Variant]:
        """Keep what is here of an index, for some platforms or for all, and what is said about it; answers that."""
        everything = await self._variants.of(target)
        images = [one for one in everything if one.available and (one.suits(wanted) if wanted else one.is_image)]
        subjects = {one.digest for one in images}
        kept = [*images, *(one for one in everything if one.available and one.subject in subjects)]
        indexes = await self._variants.indexes(target)
        if not indexes:
            return kept
        for one in kept:
            if one.manifest is not None:
                await self._label(one.digest, _parts(one.manifest))
        children = [index.digest for index in indexes[1:]] + [one.digest for one in kept]
        await self._label(target.digest, {f"m.{number}": digest for number, digest in enumerate(children)})
        return kept

    async def _label(self, digest: str, references: dict[str, str]) -> None:
        labels = {f"{_REFERENCE}{name}": value for name, value in references.items()}
        await self._blobs.update(content_pb2.Info(digest=digest, labels=labels), [f"labels.{key}" for key in labels])


def _parts(manifest: Manifest) -> dict[str, str]:
    layers = {f"l.{number}": layer.digest for number, layer in enumerate(manifest.layers)}
    return {"config": manifest.config_digest, **layers}
