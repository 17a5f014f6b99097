"""Referrers: signatures, bills of materials and whatever else says of itself what its `subject` is (distribution 1.1).

Asked for at `/v2/<name>/referrers/<digest>`; of a registry that has no such endpoint, at the tag `sha256-<hex>`, which
whoever pushes a manifest with a subject keeps up to date.
"""

import json
import logging
from typing import Any

from proto.errdefs import Fault, NotFound
from supervisor.content.digests import digest_of
from supervisor.core.digests import Descriptor
from supervisor.registry import manifests, media_types
from supervisor.registry.client import MAX_MANIFEST, RegistryClient
from supervisor.registry.hosts import REFERRERS, RESOLVE
from supervisor.registry.http import HostClient, Request, read_bounded, refusal
from supervisor.registry.manifests import Blob
from supervisor.registry.upload import Uploader

logger = logging.getLogger(__name__)

_DENIED = "pull access denied, repository does not exist or may require authorization"


def fallback_tag(digest: str) -> str:
    """The tag under which a registry without the endpoint keeps the referrers of a digest."""
    return digest.replace(":", "-", 1)


async def find(client: RegistryClient, digest: str) -> list[Blob]:
    """Descriptors of what refers to a digest; none where nobody knows of any."""
    asked: list[tuple[HostClient, str, str]] = []
    places = _clients(client, REFERRERS)
    asked += [(place, "referrers", digest) for place in places]
    asked += [(place, "manifests", fallback_tag(digest)) for place in places or _clients(client, RESOLVE)]
    for place, kind, name in asked:
        try:
            data = await _get(client, place, kind, name)
        except Fault as fault:
            logger.info("no referrers of %s at %s: %s", digest, place.host.host, fault)
            continue
        if data is not None:
            return _manifests_of(data)
    return []


def _clients(client: RegistryClient, capability: str) -> list[HostClient]:
    try:
        return client.clients(capability)
    except NotFound:
        return []


async def _get(client: RegistryClient, place: HostClient, kind: str, name: str) -> bytes | None:
    url = client.url(place, kind, name)
    request = Request("GET", url, {"Accept": media_types.OCI_INDEX}, client.pull_scopes())
    async with place.send(request) as response:
        if response.status == 404:
            return None
        if response.status != 200:
            raise await refusal(response, _DENIED)
        return await read_bounded(response, MAX_MANIFEST)


def _manifests_of(data: bytes) -> list[Blob]:
    parent = Blob(media_types.OCI_INDEX, "", len(data))
    return [one for one in manifests.children(data, parent) if _is_manifest(one.media_type)]


def _is_manifest(media_type: str) -> bool:
    return media_types.is_manifest(media_type) or media_types.is_index(media_type)


def subject_of(data: bytes) -> str:
    """The digest that a manifest says it is about, or nothing."""
    subject = manifests.parse_object(data, "manifest").get("subject")
    return manifests.descriptor(subject).digest if isinstance(subject, dict) else ""


async def announce(uploader: Uploader, blob: Descriptor, data: bytes) -> None:
    """Add a manifest, which was pushed to a registry without the endpoint, to its subject's tag."""
    document = manifests.parse_object(data, "manifest")
    tag = fallback_tag(subject_of(data))
    known = await uploader.index(tag)
    index: dict[str, Any] = manifests.parse_object(known, "referrers") if known is not None else {}
    listed = [one for one in index.get("manifests") or [] if isinstance(one, dict) and one.get("digest") != blob.digest]
    config = document.get("config")
    entry: dict[str, Any] = {"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size}
    kind = document.get("artifactType") or (config.get("mediaType") if isinstance(config, dict) else "")
    if kind:
        entry["artifactType"] = kind
    if isinstance(document.get("annotations"), dict):
        entry["annotations"] = document["annotations"]
    whole = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [*listed, entry]}
    text = json.dumps(whole, separators=(",", ":")).encode()
    if text != known:
        await uploader.manifest(_described(text), text, tag)


def _described(data: bytes) -> Blob:
    return Blob(media_types.OCI_INDEX, digest_of(data), len(data))
