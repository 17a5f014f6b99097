"""Pulls from a registry that asks for credentials, denies, or lies; over each supervisor."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from engine.filters import Filters
from engine.images import platform as platforms
from engine.images.platform import Platform
from engine.images.registry_auth import Credentials
from engine.images.service import Images
from engine.supervisor_client.channel import Channel
from engine.supervisor_client.leases import Leases
from proto.errdefs import DataLoss, NotFound
from tests import needs
from tests.fakes.registry import INDEX, FakeRegistry, serving
from tests.images import layer_tar

pytestmark = [needs.root, needs.overlay]

LAYER = layer_tar({"hello": b"world"})


@pytest.fixture
async def lying() -> AsyncIterator[FakeRegistry]:
    async with serving() as registry:
        yield registry


async def pull(images: Images, name: str, tag: str, credentials: Credentials | None = None, **more: Any) -> list[str]:
    return [line["status"] async for line in images.pull(name, tag, credentials or Credentials(), **more)]


def wanting(user: str, password: str) -> Any:
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    async def trick(request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Authorization") == expected:
            return None
        answer = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
        return web.json_response(answer, status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})

    return trick


async def test_credentials_are_given_when_the_registry_asks(images: Images, lying: FakeRegistry) -> None:
    lying.add_image([LAYER], "1")
    lying.tricks.append(wanting("u", "p"))
    told = await pull(images, f"{lying.host}/box", "1", Credentials("u", "p"))
    assert told[-1] == f"Status: Downloaded newer image for {lying.host}/box:1"


async def test_without_or_with_wrong_credentials_access_is_denied_in_dockers_words(
    images: Images, lying: FakeRegistry
) -> None:
    lying.add_image([LAYER], "1")
    lying.tricks.append(wanting("u", "p"))
    for credentials in (Credentials(), Credentials("u", "wrong")):
        with pytest.raises(NotFound, match=f"^pull access denied for {lying.host}/box, repository does not exist"):
            await pull(images, f"{lying.host}/box", "1", credentials)
    assert await images.summaries(Filters(), (1, 51)) == []


async def test_a_layer_that_is_not_what_its_digest_says_is_no_image(
    images: Images, lying: FakeRegistry, channel: Channel
) -> None:
    manifest = lying.add_image([LAYER], "1")
    document = json.loads(lying.manifests[manifest["digest"]][1])
    digest = document["layers"][0]["digest"]
    lying.blobs[digest] = b"x" * len(lying.blobs[digest])
    with pytest.raises(DataLoss, match=f"^filesystem layer verification failed for digest {digest}$"):
        await pull(images, f"{lying.host}/box", "1")
    assert await images.summaries(Filters(), (1, 51)) == []
    assert await Leases(channel).list() == []


async def test_of_an_index_the_hosts_platform_is_pulled_or_the_one_asked_for(
    images: Images, lying: FakeRegistry
) -> None:
    host = platforms.host()
    own = lying.add_image([LAYER])
    other = lying.add_image([layer_tar({"other": b"1"})])
    entries = [
        {**other, "platform": {"os": "linux", "architecture": "s390x"}},
        {**own, "platform": {"os": "linux", "architecture": host.architecture}},
    ]
    lying.add_manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, "1", media_type=INDEX)
    await pull(images, f"{lying.host}/box", "1")
    image = await images.resolve(f"{lying.host}/box:1")
    assert image.manifest.digest == own["digest"]
    with pytest.raises(NotFound, match="does not provide the specified platform"):
        await images.resolve(f"{lying.host}/box:1", Platform("linux", "riscv64"))


async def test_names_that_the_image_carries_in_its_labels_stay_labels(images: Images, lying: FakeRegistry) -> None:
    """CVE-2026-53488: labels of an image never become labels of the supervisor's records."""
    lying.add_image([LAYER], "1")
    await pull(images, f"{lying.host}/box", "1")
    image = await images.resolve(f"{lying.host}/box:1")
    assert image.tags == [f"{lying.host}/box:1"]
