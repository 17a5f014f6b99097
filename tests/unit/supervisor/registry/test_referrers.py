import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from supervisor.registry.client import RegistryClient
from supervisor.registry.hosts import PULL, PUSH, RESOLVE, RegistryHost
from supervisor.registry.manifests import Blob
from supervisor.registry.media_types import OCI_MANIFEST
from supervisor.registry.reference import Reference
from supervisor.registry.referrers import announce, fallback_tag, find, subject_of
from supervisor.registry.upload import Uploader
from tests.fakes.registry import INDEX, FakeRegistry, serving, with_referrers

SIGNATURE = "application/vnd.example.signature"


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    async with serving() as registry:
        yield registry


def client(registry: FakeRegistry, **host: object) -> RegistryClient:
    return RegistryClient(
        Reference("x", "some/image", "1"),
        [replace(RegistryHost("http", registry.host), **host)],  # type: ignore[arg-type]
    )


async def test_a_registry_that_knows_is_asked(registry: FakeRegistry) -> None:
    registry.tricks.append(with_referrers(registry))
    image = registry.add_image([b"layer"], "1")
    about = registry.add_referrer(image, SIGNATURE)
    async with client(registry) as one:
        assert [blob.digest for blob in await find(one, image["digest"])] == [about["digest"]]
        assert await find(one, about["digest"]) == []
    assert all("/referrers/" in path for _, path, _ in registry.seen)


async def test_one_that_does_not_has_a_tag(registry: FakeRegistry) -> None:
    """Also where hosts.toml does not let us ask for referrers."""
    image = registry.add_image([b"layer"], "1")
    about = registry.add_referrer(image, SIGNATURE)
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [about, {**about, "mediaType": "text/plain"}]}
    registry.add_manifest(index, fallback_tag(image["digest"]), media_type=INDEX)
    async with client(registry) as one:
        assert [blob.digest for blob in await find(one, image["digest"])] == [about["digest"]]
    async with client(registry, capabilities=frozenset((PULL, RESOLVE))) as one:
        assert len(await find(one, image["digest"])) == 1
    async with client(registry, capabilities=frozenset((PUSH,))) as one:
        assert await find(one, image["digest"]) == []


async def test_a_registry_that_fails_has_none(registry: FakeRegistry) -> None:
    """What is said about an image is not worth failing its pull for."""

    async def broken(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=403)

    registry.tricks.append(broken)
    async with client(registry) as one:
        assert await find(one, "sha256:" + "0" * 64) == []


async def test_what_is_pushed_to_one_without_the_endpoint_is_added_to_the_tag(registry: FakeRegistry) -> None:
    """Beside what is there, and once."""
    image = registry.add_image([b"layer"], "1")
    first, second = (registry.add_referrer(image, SIGNATURE, text) for text in (b"1", b"2"))
    async with client(registry) as one:
        for about in (first, second, first):
            data = registry.manifests[about["digest"]][1]
            await announce(Uploader(one), Blob(OCI_MANIFEST, about["digest"], about["size"]), data)
    index = json.loads(registry.manifests[fallback_tag(image["digest"])][1])
    assert sorted(entry["digest"] for entry in index["manifests"]) == sorted((first["digest"], second["digest"]))
    assert {entry["artifactType"] for entry in index["manifests"]} == {SIGNATURE}
    assert index["manifests"][0]["annotations"] == {"made": "by a test"}


def test_a_subject_is_a_digest_or_nothing() -> None:
    digest = "sha256:" + "a" * 64
    subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}
    assert subject_of(json.dumps({"subject": subject}).encode()) == digest
    assert subject_of(b"{}") == ""
    with pytest.raises(Exception, match="invalid digest"):
        subject_of(json.dumps({"subject": {**subject, "digest": "../x"}}).encode())
