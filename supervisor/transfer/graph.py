"""An image as a graph of blobs: reading it from the content store, choosing platforms, labelling parents for the
collector."""

from collections.abc import Callable, Sequence

from proto.errdefs import NotFound
from supervisor.core.content import ContentStore, Info
from supervisor.core.digests import Descriptor, Platform
from supervisor.registry import manifests, platforms
from supervisor.registry.manifests import Blob
from supervisor.registry.media_types import (
    GC_REFERRER,
    OCI_MANIFEST,
    OCTET_STREAM,
    gc_label,
    is_config,
    is_index,
    is_manifest,
)


class Graph:
    """The images of one namespace."""

    def __init__(self, content: ContentStore, namespace: str) -> None:
        self.content = content
        self.namespace = namespace

    def read(self, blob: Descriptor) -> bytes:
        """A small blob's bytes: manifest, index or configuration."""
        reader = self.content.reader(self.namespace, blob.digest)
        try:
            if reader.size > manifests.MAX_SIZE:
                raise NotFound(f"{blob.digest} is too big to be a manifest or config: {reader.size} bytes: not found")
            return reader.read_at(0, reader.size)
        finally:
            reader.close()

    def exists(self, blob: Descriptor) -> bool:
        """Whether the namespace has this blob."""
        try:
            self.content.info(self.namespace, blob.digest)
        except NotFound:
            return False
        return True

    def children(self, blob: Descriptor) -> list[Blob]:
        """What a manifest or index refers to."""
        if not (is_manifest(blob.media_type) or is_index(blob.media_type)):
            return []
        return manifests.children(self.read(blob), blob)

    def referrers(self, subject: Descriptor) -> list[Blob]:
        """The manifests that were kept because they are about this one, and are still here."""
        found = []
        for key, digest in sorted(self.content.info(self.namespace, subject.digest).labels.items()):
            if key.startswith(GC_REFERRER):
                try:
                    data = self.read(Descriptor(digest=digest))
                except NotFound:
                    continue
                kind = manifests.parse_object(data, "referrer").get("mediaType") or OCI_MANIFEST
                found.append(Blob(str(kind), digest, len(data)))
        return found

    def label_children(self, parent: Descriptor, found: Sequence[Descriptor]) -> None:
        """Let a parent keep its children from the garbage collector."""
        labels: dict[str, str] = {}
        counts: dict[str, int] = {}
        for child in found:
            key = gc_label(child)
            number = counts.get(key, 0)
            counts[key] = number + 1
            labels[f"{key}{number}" if key.endswith(".") or number else key] = child.digest
        if labels:
            self.update_labels(parent.digest, labels)

    def update_labels(self, digest: str, labels: dict[str, str]) -> None:
        """Set some labels of a blob and leave the others."""
        self.content.update(self.namespace, Info(digest, labels=labels), [f"labels.{key}" for key in labels])

    def walk(self, blob: Blob, visit: Callable[[Blob, list[Blob]], None]) -> None:
        """Visit a blob and everything below it, each parent with its children, parents first."""
        found = self.children(blob)
        visit(blob, found)
        for child in found:
            self.walk(child, visit)

    def platform_of(self, manifest: Descriptor) -> Platform | None:
        """A manifest's platform, from its descriptor or its configuration; None where neither is there."""
        if manifest.platform is not None:
            return manifest.platform
        try:
            parts = self.children(manifest)
            return manifests.config(self.read(parts[0])).platform if parts else None
        except NotFound:
            return None


def choose(found: Sequence[Blob], parent: Descriptor, wanted: Sequence[Platform], limit: int = 0) -> list[Blob]:
    """The manifests of an index that suit the wanted platforms, best first where only some may be had."""
    if not is_index(parent.media_type) or not (wanted or limit):
        return list(found)
    ranked = []
    for position, blob in enumerate(found):
        rank = 0 if blob.platform is None or not wanted else best_rank(wanted, blob.platform)
        if rank is not None:
            ranked.append((rank, position, blob))
    exact = [entry for entry in ranked if entry[0] % 100 == 0]
    chosen = exact or ranked  # a lesser variant only where the platform itself is missing
    if not chosen and found:
        raise NotFound("no match for platform in manifest: not found")
    chosen.sort(key=lambda entry: entry[:2] if limit else (0, entry[1]))
    return [blob for _, _, blob in chosen[: limit or None]]


def best_rank(wanted: Sequence[Platform], actual: Platform) -> int | None:
    """The place in the list of wishes times a hundred, plus how far the variant is from the wish."""
    for place, wish in enumerate(wanted):
        rank = platforms.rank(wish, actual)
        if rank is not None:
            return place * 100 + rank
    return None


def image_platform(graph: Graph, config: Descriptor) -> Platform | None:
    """The platform that an image's configuration names; None for a configuration of another kind."""
    if not is_config(config.media_type) and config.media_type != OCTET_STREAM:
        return None
    return manifests.config(graph.read(config)).platform
