"""What the engine knows of one image: its config, its layers, and the names that lead to it.

Docker's *image id* is the digest of the image's config, as its clients have known it since 1.10: two archives of one
image that differ in compression or in their manifest are one image. The supervisor's records point at a manifest or
an index (the *target*), so one image may have several targets.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine import timestamps
from engine.images.platform import Platform, from_document
from engine.images.reference import Reference
from proto.errdefs import InvalidArgument

PARENT_LABEL = "org.mobyproject.image.parent"  # on a record: the image that this one was committed on
PASSING_PREFIX = "moby-passing@"  # a record that only lives as long as a transfer: no image of anybody's
DANGLING_PREFIX = "moby-dangling@"  # the record that keeps an image nobody has a name for, spelt as dockerd does


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A blob: what it is, what it is called, how long it is."""

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """The content of one platform's image; never changes, as every part is named by its digest."""

    digest: str
    config_digest: str
    config: dict[str, Any]
    layers: tuple[Descriptor, ...]
    media_type: str = ""
    own_size: int = 0
    config_size: int = 0

    @cached_property
    def platform(self) -> Platform:
        return from_document(self.config)

    @cached_property
    def diff_ids(self) -> tuple[str, ...]:
        return tuple(self.config.get("rootfs", {}).get("diff_ids") or ())

    @cached_property
    def chain_ids(self) -> tuple[str, ...]:
        """The snapshots of the layers, lowest first."""
        return chain_ids(self.diff_ids)


@dataclass(frozen=True, slots=True)
class Name:
    """One of the supervisor's records."""

    record: str
    target: Descriptor
    reference: Reference | None  # None: the record only keeps the image
    updated_ns: int = 0
    parent: str = ""


@dataclass(frozen=True)
class Image:
    """One image and everything that leads to it."""

    manifest: Manifest
    names: tuple[Name, ...] = field(default=())

    @property
    def id(self) -> str:
        return self.manifest.config_digest

    @property
    def short_id(self) -> str:
        return truncate(self.id)

    @property
    def config(self) -> dict[str, Any]:
        return self.manifest.config

    @property
    def container_config(self) -> dict[str, Any]:
        """What containers made from the image inherit."""
        return self.config.get("config") or {}

    @property
    def created(self) -> str:
        return str(self.config.get("created") or "")

    @property
    def created_ns(self) -> int | None:
        """Nanoseconds since 1970; None where the config says nothing that is a time."""
        try:
            moment = timestamps.to_ns(self.created)
        except InvalidArgument:
            return None
        return moment if self.created != timestamps.ZERO else None

    @property
    def labels(self) -> dict[str, str]:
        return self.container_config.get("Labels") or {}

    @property
    def top(self) -> str:
        """The snapshot that a container's own goes on; empty for an image without layers."""
        chain = self.manifest.chain_ids
        return chain[-1] if chain else ""

    @property
    def descriptor(self) -> dict[str, Any]:
        """The manifest that containers are made of, and its platform."""
        one = self.manifest
        known = {"mediaType": one.media_type, "digest": one.digest, "size": one.own_size}
        return known | {"platform": one.platform.document()}

    @property
    def parent(self) -> str:
        """The id of the image that this one was made of here; empty for what came from elsewhere."""
        return next((name.parent for name in self.names if name.parent), "")

    @property
    def references(self) -> list[Reference]:
        return [name.reference for name in self.names if name.reference is not None]

    @property
    def tags(self) -> list[str]:
        """`RepoTags`, as people write them."""
        return sorted(reference.familiar for reference in self.references if not reference.digest)

    @property
    def digests(self) -> list[str]:
        """`RepoDigests`."""
        return sorted(reference.familiar for reference in self.references if reference.digest)


def chain_ids(diff_ids: tuple[str, ...]) -> tuple[str, ...]:
    """Name each stack of layers by what is in it: https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid"""
    chain: list[str] = []
    for diff_id in diff_ids:
        text = f"{chain[-1]} {diff_id}" if chain else None
        chain.append(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" if text else diff_id)
    return tuple(chain)


def truncate(image_id: str) -> str:
    """The twelve letters that people see of an id."""
    return image_id.rpartition(":")[2][:12]
