"""What the engine itself asks a registry, against one that is scripted."""

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import test_utils, web

from engine.images.hosts import Access
from engine.images.reference import parse
from engine.images.registry_auth import Credentials
from engine.images.registry_client import RegistryClient, _next_page, registry_host
from proto.errdefs import NotFound, PermissionDenied, Unauthenticated, Unavailable

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DIGEST = "sha256:" + "1" * 64
BASIC = "Basic " + base64.b64encode(b"u:p").decode()


class Registry:
    """Wants a token, gives one to user `u` with password `p`."""

    def __init__(self) -> None:
        self.host = ""
        self.open = False
        self.documents: dict[str, tuple[str, Any]] = {}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/token":
            if request.headers.get("Authorization", BASIC) != BASIC:
                return web.Response(status=401)
            return web.json_response({"token": "t", "refresh_token": "r"})
        if not self.open and request.headers.get("Authorization") != "Bearer t":
            realm = f'Bearer realm="http://{self.host}/token",service="s"'
            return web.Response(status=401, headers={"WWW-Authenticate": realm})
        if request.path == "/v2/":
            return web.Response()
        kind, document = self.documents.get(request.path, ("", None))
        if document is None:
            return web.Response(status=404)
        headers = {"Content-Type": kind, "Docker-Content-Digest": DIGEST}
        return web.Response(body=json.dumps(document).encode(), headers=headers)


@contextlib.asynccontextmanager
async def serving(handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    server = test_utils.RawTestServer(handle)
    await server.start_server()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        await server.close()


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    made = Registry()
    async with serving(made.handle) as host:
        made.host = host
        yield made


async def test_good_credentials_give_an_identity_token(registry: Registry) -> None:
    assert await RegistryClient().login(Credentials("u", "p", server=registry.host)) == "r"


async def test_bad_credentials_are_told_to_be_bad(registry: Registry) -> None:
    with pytest.raises(Unauthenticated, match="unauthorized: incorrect username or password"):
        await RegistryClient().login(Credentials("u", "wrong", server=f"http://{registry.host}"))


async def test_a_registry_that_asks_nobody_takes_everybody(registry: Registry) -> None:
    registry.open = True
    assert await RegistryClient().login(Credentials("x", "y", server=registry.host)) == ""


async def test_a_name_leads_to_its_descriptor_and_platforms(registry: Registry) -> None:
    platform = {"architecture": "arm64", "os": "linux"}
    registry.documents["/v2/a/b/manifests/1"] = (INDEX, {"manifests": [{"platform": platform}, {}]})
    document = await RegistryClient().distribution(parse(f"{registry.host}/a/b:1"), Credentials())
    assert document["Descriptor"]["digest"] == DIGEST
    assert document["Descriptor"]["mediaType"] == INDEX
    assert document["Platforms"] == [platform]
    assert "Manifest" not in document
    with_it = await RegistryClient().distribution(parse(f"{registry.host}/a/b:1"), Credentials(), manifest=True)
    assert with_it["Manifest"] == {"manifests": [{"platform": platform}, {}]}


async def test_a_single_images_platform_is_read_from_its_config(registry: Registry) -> None:
    registry.documents["/v2/a/manifests/1"] = (MANIFEST, {"config": {"digest": "sha256:c"}})
    registry.documents["/v2/a/blobs/sha256:c"] = (MANIFEST, {"architecture": "arm", "os": "linux", "variant": "v7"})
    document = await RegistryClient().distribution(parse(f"{registry.host}/a:1"), Credentials())
    assert document["Platforms"] == [{"architecture": "arm", "os": "linux", "variant": "v7"}]


async def test_the_tags_of_docker_hub_are_asked_of_its_mirror(registry: Registry) -> None:
    registry.documents["/v2/library/a/tags/list"] = ("application/json", {"name": "library/a", "tags": ["1", "2"]})
    client = RegistryClient(Access(mirrors=(f"http://{registry.host}",)))
    assert await client.tags(parse("a"), Credentials()) == ["1", "2"]


def test_a_long_list_says_where_it_goes_on() -> None:
    assert _next_page('</v2/a/tags/list?n=1&last=x>; rel="next"') == "/tags/list?n=1&last=x"
    assert _next_page("") == ""


async def test_a_name_that_is_not_there_is_not_found(registry: Registry) -> None:
    with pytest.raises(NotFound, match="no such manifest"):
        await RegistryClient().distribution(parse(f"{registry.host}/a:1"), Credentials())


async def test_a_registry_that_wants_more_than_was_given_denies() -> None:
    async def refuse(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})

    async with serving(refuse) as host:
        with pytest.raises(PermissionDenied, match="requested access to the resource is denied"):
            await RegistryClient().distribution(parse(f"{host}/a:1"), Credentials())


async def test_a_registry_that_is_not_there_is_told_to_be() -> None:
    with pytest.raises(Unavailable, match=r'Get "http://127\.0\.0\.1:1/v2/"'):
        await RegistryClient().login(Credentials("u", "p", server="127.0.0.1:1"))


@pytest.mark.parametrize(
    "server", ["", "docker.io", "https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io"]
)
def test_docker_hub_has_many_names_and_one_host(server: str) -> None:
    assert registry_host(server) == "registry-1.docker.io"
    assert registry_host("https://r.io/v2/") == registry_host("r.io/x") == "r.io"
