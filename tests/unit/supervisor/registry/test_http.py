import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from proto.errdefs import Fault, PermissionDenied
from supervisor.registry.auth import Credential
from supervisor.registry.hosts import RegistryHost
from supervisor.registry.http import (
    HostClient,
    Request,
    SafeResolver,
    Unreachable,
    check_address,
    read_bounded,
    redirected,
)
from tests.fakes.registry import FakeRegistry, failing, giving_token, needing_token, serving

PUBLIC = RegistryHost("https", "registry.example")


async def password(_host: str) -> Credential:
    return Credential("me", "hunter2")


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    async with serving() as registry:
        yield registry


@pytest.fixture
async def client(registry: FakeRegistry) -> AsyncIterator[HostClient]:
    client = HostClient(RegistryHost("http", registry.host), password, {"X-Mine": "1"})
    yield client
    await client.close()


async def get(client: HostClient, registry: FakeRegistry, path: str = "/v2/", scopes: tuple[str, ...] = ()) -> int:
    async with client.send(Request("GET", f"http://{registry.host}{path}", scopes=scopes)) as response:
        return response.status


async def test_a_hosts_dial_timeout_is_kept() -> None:
    client = HostClient(replace(PUBLIC, dial_timeout=3.5), None, {})
    assert client._session.timeout.sock_connect == 3.5
    await client.close()


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/x", "https://127.0.0.1/x", "https://[fe80::1]/", "http://0.0.0.0:80/"]
)
def test_addresses_that_no_registry_may_name(url: str) -> None:
    with pytest.raises(PermissionDenied):
        check_address(url, PUBLIC)


def test_redirects_do_not_step_down_to_plain_http() -> None:
    assert redirected("https://a/x", "https://b/y", PUBLIC) == "https://b/y"
    assert redirected("https://a/x", "/y?z=1", PUBLIC) == "https://a/y?z=1"
    with pytest.raises(PermissionDenied):
        redirected("https://a/x", "http://b/y", PUBLIC)
    with pytest.raises(PermissionDenied):
        redirected("https://a/x", "https://169.254.169.254/", PUBLIC)
    with pytest.raises(Fault):
        redirected("https://a/x", "file:///etc/passwd", PUBLIC)


async def test_names_are_looked_at_when_they_are_resolved() -> None:
    resolver = SafeResolver()
    assert await resolver.resolve("localhost", 80)
    await resolver.close()


async def test_credentials_do_not_follow_a_redirect_to_another_host(registry: FakeRegistry, client: HostClient) -> None:
    async with serving() as elsewhere:

        async def away(request: web.Request) -> web.StreamResponse | None:
            return web.Response(status=307, headers={"Location": f"http://{elsewhere.host}/v2/blob"})

        registry.tricks += [giving_token(), needing_token(f"http://{registry.host}/token"), away]
        await get(client, registry, scopes=("repository:a:pull",))
        assert registry.seen[-1][2]["Authorization"] == "Bearer secret-token"
        assert registry.seen[-1][2]["X-Mine"] == "1"
        ((_, _, headers),) = elsewhere.seen
        assert "Authorization" not in headers
        assert "X-Mine" not in headers


async def test_the_password_goes_to_the_token_service_only(registry: FakeRegistry, client: HostClient) -> None:
    registry.tricks += [giving_token(), needing_token(f"http://{registry.host}/token")]
    assert await get(client, registry) == 404
    with_basic = [path for _, path, headers in registry.seen if headers.get("Authorization", "").startswith("Basic")]
    assert with_basic == ["/token?service=fake"]


async def test_a_401_that_no_credentials_help_against_comes_back(registry: FakeRegistry, client: HostClient) -> None:
    registry.tricks += [giving_token("wrong"), needing_token(f"http://{registry.host}/token")]
    assert await get(client, registry) == 401
    assert len(registry.requests("GET", "/v2/")) < 6


async def test_passing_trouble_is_waited_out(registry: FakeRegistry, client: HostClient) -> None:
    registry.tricks.append(failing(503, 2))
    assert await get(client, registry) == 404
    assert len(registry.seen) == 3


async def test_a_registry_says_how_long_to_wait(registry: FakeRegistry, client: HostClient) -> None:
    registry.tricks.append(failing(429, 1, **{"Retry-After": "1"}))
    began = time.monotonic()
    await get(client, registry)
    assert time.monotonic() - began >= 1


async def test_redirects_in_a_circle_end(registry: FakeRegistry, client: HostClient) -> None:
    async def circle(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=302, headers={"Location": request.path})

    registry.tricks.append(circle)
    with pytest.raises(Fault, match="stopped after 10 redirects"):
        await get(client, registry)


async def test_nobody_listening_is_said_at_once() -> None:
    client = HostClient(RegistryHost("http", "127.0.0.1:1"), None, {})
    with pytest.raises(Unreachable, match=r"dial tcp 127.0.0.1:1: connect: connection refused"):
        async with client.send(Request("GET", "http://127.0.0.1:1/v2/")):
            pass
    await client.close()


async def test_loopback_may_turn_out_to_speak_plain_http(registry: FakeRegistry) -> None:
    client = HostClient(RegistryHost("https", registry.host, skip_verify=True, may_be_http=True), None, {})
    async with client.send(Request("GET", f"https://{registry.host}/v2/")) as response:
        assert response.status == 404
    await client.close()


async def test_an_answer_has_a_limit(registry: FakeRegistry, client: HostClient) -> None:
    digest = registry.add(b"x" * 1000)["digest"]
    async with client.send(Request("GET", f"http://{registry.host}/v2/a/blobs/{digest}")) as response:
        with pytest.raises(Fault, match="more than 999 bytes"):
            await read_bounded(response, 999)
