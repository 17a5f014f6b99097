"""Manifests and indexes: strict JSON in, descriptors out.

A document that is of two kinds at once, or of another kind than its media type says, is refused (CVE-2021-41190,
GHSA-5j5w-g665-5m35), and so is every digest that is not one, before anybody makes a path of it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proto.errdefs import Fault, InvalidArgument
from supervisor.core.digests import Descriptor, Platform, digest_problem
from supervisor.registry import platforms
from supervisor.registry.media_types import is_index, is_manifest

MAX_SIZE = 8 << 20  # of a manifest, index or config; registries accept 4 MiB
_MOST_CHILDREN = 10_000


@dataclass(frozen=True, slots=True)
class Blob(Descriptor):
    """A descriptor with the places, besides the registry, where a foreign layer may be had."""

    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What unpacking needs of an image's configuration."""

    platform: Platform
    diff_ids: tuple[str, ...]
    rootfs_type: str = "layers"


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object; anything else, too deep or too big is refused."""
    if len(data) > MAX_SIZE:
        raise InvalidArgument(f"{what}: {len(data)} bytes are too many: invalid argument")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Fault(f"{what}: {error}") from error
    if not isinstance(document, dict):
        raise Fault(f"{what}: cannot unmarshal {type(document).__name__} into an object")
    return document


def check_kind(document: dict[str, Any], media_type: str) -> None:
    """Refuse a document that is not of the kind it was announced as."""
    own = document.get("mediaType") or ""
    if document.get("fsLayers"):
        raise InvalidArgument("media-type: schema 1 not supported: invalid argument")
    if is_manifest(media_type) and (document.get("manifests") or is_index(own)):
        raise InvalidArgument(f"media-type: expected manifest but found index ({media_type}): invalid argument")
    if is_index(media_type) and (document.get("config") or document.get("layers") or is_manifest(own)):
        raise InvalidArgument(f"media-type: expected index but found manifest ({media_type}): invalid argument")
    if own and own != media_type:
        raise InvalidArgument(f"media-type: document says {own}, descriptor {media_type}: invalid argument")


def children(data: bytes, parent: Descriptor) -> list[Blob]:
    """What a manifest (config, then layers) or an index (manifests) refers to; nothing for other types."""
    if not (is_manifest(parent.media_type) or is_index(parent.media_type)):
        return []
    document = parse_object(data, f"children: invalid desc {parent.digest}")
    try:
        check_kind(document, parent.media_type)
    except InvalidArgument as fault:
        raise InvalidArgument(f"children: invalid desc {parent.digest}: {fault}") from fault
    if is_index(parent.media_type):
        return [descriptor(item) for item in _list(document.get("manifests"))]
    return [descriptor(document.get("config")), *(descriptor(item) for item in _list(document.get("layers")))]


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _MOST_CHILDREN:
        raise InvalidArgument("manifest: a list was expected, of a sensible length: invalid argument")
    return value


def descriptor(item: object) -> Blob:
    """A descriptor out of JSON, checked."""
    if not isinstance(item, dict):
        raise InvalidArgument("descriptor: an object was expected: invalid argument")
    digest, size, media_type = item.get("digest"), item.get("size"), item.get("mediaType", "")
    if not isinstance(digest, str) or not isinstance(media_type, str):
        raise InvalidArgument("descriptor: digest and mediaType must be strings: invalid argument")
    problem = digest_problem(digest)
    if problem is not None:
        raise InvalidArgument(f"invalid digest {digest[:200]!r}: {problem}: invalid argument")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 63:
        raise InvalidArgument(f"invalid size {size!r} of {digest}: invalid argument")
    return Blob(
        media_type, digest, size, _strings(item.get("annotations")), _platform(item.get("platform")), _urls(item)
    )


def _strings(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: text for key, text in value.items() if isinstance(text, str)}


def _urls(item: dict[str, Any]) -> tuple[str, ...]:
    urls = item.get("urls")
    return tuple(url for url in urls if isinstance(url, str)) if isinstance(urls, list) else ()


def _platform(value: object) -> Platform | None:
    if not isinstance(value, dict):
        return None
    words = _strings(value)
    return Platform(
        words.get("os", ""), words.get("architecture", ""), words.get("variant", ""), words.get("os.version", "")
    )


def config(data: bytes) -> ImageConfig:
    """Platform and diff ids of an image's configuration."""
    document = parse_object(data, "unmarshal image config")
    rootfs = document.get("rootfs")
    diff_ids: Sequence[object] = ()
    kind = ""
    if isinstance(rootfs, dict):
        diff_ids = _list(rootfs.get("diff_ids"))
        kind = str(rootfs.get("type") or "")
    for diff_id in diff_ids:
        if not isinstance(diff_id, str) or digest_problem(diff_id) is not None:
            raise InvalidArgument(f"invalid diff id {diff_id!r:.200}: invalid argument")
    platform = _platform(document) or Platform()
    return ImageConfig(platforms.normalize(platform), tuple(str(diff_id) for diff_id in diff_ids), kind)


def to_json(blob: Descriptor) -> dict[str, Any]:
    """A descriptor as it stands in a manifest."""
    item: dict[str, Any] = {"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size}
    if isinstance(blob, Blob) and blob.urls:
        item["urls"] = list(blob.urls)
    if blob.annotations:
        item["annotations"] = dict(sorted(blob.annotations.items()))
    if blob.platform is not None:
        platform = {"architecture": blob.platform.architecture, "os": blob.platform.os}
        if blob.platform.os_version:
            platform["os.version"] = blob.platform.os_version
        if blob.platform.variant:
            platform["variant"] = blob.platform.variant
        item["platform"] = platform
    return item
