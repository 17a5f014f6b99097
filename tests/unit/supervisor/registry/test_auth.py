import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.errdefs import Fault, InvalidArgument, PermissionDenied, Unauthenticated
from supervisor.registry.auth import (
    Authorizer,
    Challenge,
    Credential,
    check_realm,
    is_forbidden_address,
    is_loopback,
    parse_challenges,
)


def test_a_challenge_has_a_scheme_and_parameters() -> None:
    header = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'
    assert parse_challenges([header]) == [
        Challenge(
            "bearer",
            {
                "realm": "https://auth.docker.io/token",
                "service": "registry.docker.io",
                "scope": "repository:a/b:pull,push",
            },
        )
    ]


def test_several_challenges_in_one_header_are_told_apart() -> None:
    found = parse_challenges(['Basic realm="x", Bearer realm="y", error=invalid_token', "Negotiate"])
    assert [(one.scheme, one.parameters.get("realm")) for one in found] == [
        ("basic", "x"),
        ("bearer", "y"),
        ("negotiate", None),
    ]


def test_quoted_pairs_are_unquoted() -> None:
    assert parse_challenges(['Basic realm="a\\"b"'])[0].parameters["realm"] == 'a"b'


@given(st.text(max_size=200))
def test_any_header_is_parsed_in_bounded_time(header: str) -> None:
    parse_challenges([header])


@pytest.mark.parametrize(
    ("realm", "host", "scheme"),
    [
        ("https://auth.example/token", "registry.example", "https"),
        ("http://127.0.0.1:5001/token", "127.0.0.1:5000", "http"),
        ("https://localhost/token", "localhost:5000", "https"),
    ],
)
def test_a_token_service_may_be_elsewhere(realm: str, host: str, scheme: str) -> None:
    assert check_realm(realm, host, scheme) == realm


@pytest.mark.parametrize(
    ("realm", "host", "scheme"),
    [
        ("http://auth.example/token", "registry.example", "https"),
        ("https://169.254.169.254/latest/meta-data", "registry.example", "https"),
        ("https://[fe80::1]/", "registry.example", "https"),
        ("https://[::ffff:169.254.169.254]/", "registry.example", "https"),
        ("https://127.0.0.1/token", "registry.example", "https"),
        ("https://localhost:2375/token", "registry.example", "https"),
        ("https://0.0.0.0/token", "registry.example", "https"),
    ],
)
def test_a_registry_may_not_send_us_to_our_own_or_the_clouds_services(realm: str, host: str, scheme: str) -> None:
    with pytest.raises(PermissionDenied):
        check_realm(realm, host, scheme)


@pytest.mark.parametrize(
    "realm", ["", "file:///etc/passwd", "gopher://x/", "https://user:pw@x/", "https://", "http://x:99999/"]
)
def test_a_realm_that_is_no_web_address_is_refused(realm: str) -> None:
    with pytest.raises((InvalidArgument, PermissionDenied)):
        check_realm(realm, "registry.example", "https")


def test_hosts_that_are_this_machine() -> None:
    assert all(map(is_loopback, ("localhost", "localhost:5000", "127.1.2.3", "[::1]:80")))
    assert not any(map(is_loopback, ("localhost.evil.example", "10.0.0.1", "example")))
    assert not is_forbidden_address("registry.example")


def test_a_credential_does_not_show_its_secret() -> None:
    assert "hunter2" not in repr(Credential("me", "hunter2"))


class TokenService:
    """Answers with tokens, and remembers what it was asked."""

    def __init__(self, status: int = 200, body: bytes = b'{"token": "t", "expires_in": 300}') -> None:
        self.status, self.body = status, body
        self.asked: list[tuple[str, str, Mapping[str, str], bytes | None]] = []

    async def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limit: int
    ) -> tuple[int, bytes]:
        self.asked.append((method, url, headers, body))
        return self.status, self.body


def authorizer(service: TokenService, credential: Credential | None = None) -> Authorizer:
    async def credentials(host: str) -> Credential | None:
        assert host == "registry.example"
        return credential

    return Authorizer("registry.example", "https", credentials, service)


BEARER = 'Bearer realm="https://auth.example/token",service="s"'
SCOPES = ("repository:a:pull",)


async def test_nothing_is_sent_before_it_is_asked_for() -> None:
    assert await authorizer(TokenService(), Credential("me", "pw")).header(SCOPES) is None


async def test_a_token_is_fetched_once_per_scope() -> None:
    service = TokenService()
    one = authorizer(service, Credential("me", "pw"))
    assert await one.challenged([BEARER], SCOPES)
    assert [await one.header(SCOPES) for _ in range(3)] == ["Bearer t"] * 3
    await one.header(("repository:b:pull",))
    assert [url for _, url, _, _ in service.asked] == [
        "https://auth.example/token?service=s&scope=repository%3Aa%3Apull",
        "https://auth.example/token?service=s&scope=repository%3Ab%3Apull",
    ]
    assert service.asked[0][2] == {"Authorization": "Basic bWU6cHc="}


async def test_an_identity_token_is_exchanged_by_post() -> None:
    service = TokenService(body=b'{"access_token": "t"}')
    one = authorizer(service, Credential("", "identity"))
    await one.challenged([BEARER], SCOPES)
    assert await one.header(SCOPES) == "Bearer t"
    method, url, _, body = service.asked[0]
    assert (method, url) == ("POST", "https://auth.example/token")
    assert b"grant_type=refresh_token" in (body or b"")


async def test_without_credentials_the_token_is_anonymous() -> None:
    service = TokenService()
    one = authorizer(service)
    await one.challenged([BEARER], SCOPES)
    await one.header(SCOPES)
    assert service.asked[0][2] == {}


async def test_basic_needs_credentials_and_is_tried_once() -> None:
    assert not await authorizer(TokenService()).challenged(['Basic realm="x"'], ())
    one = authorizer(TokenService(), Credential("me", "pw"))
    assert await one.challenged(['Basic realm="x"'], ())
    assert await one.header(()) == "Basic bWU6cHc="
    assert not await one.challenged(['Basic realm="x"'], ())


async def test_a_header_of_the_clients_is_used_as_it_is() -> None:
    one = authorizer(TokenService(), Credential(header="Custom x"))
    await one.challenged([BEARER], SCOPES)
    assert await one.header(SCOPES) == "Custom x"


async def test_a_token_service_that_refuses_or_babbles_is_a_fault() -> None:
    for service in (
        TokenService(401),
        TokenService(body=b"{}"),
        TokenService(body=b"junk"),
        TokenService(body=b"[]"),
        TokenService(body=b'{"token": "a\\nb"}'),
    ):
        one = authorizer(service, Credential("me", "pw"))
        await one.challenged([BEARER], SCOPES)
        with pytest.raises(Unauthenticated):
            await one.header(SCOPES)
    one = authorizer(TokenService(500))
    await one.challenged([BEARER], SCOPES)
    with pytest.raises(Fault, match="failed to fetch anonymous token"):
        await one.header(SCOPES)


async def test_an_unknown_scheme_cannot_be_answered() -> None:
    assert not await authorizer(TokenService()).challenged(["Negotiate"], ())


async def test_requests_side_by_side_ask_once() -> None:
    service = TokenService()
    asked = []

    async def credentials(host: str) -> Credential | None:
        asked.append(host)
        await asyncio.sleep(0)
        return Credential("me", "pw")

    one = Authorizer("registry.example", "https", credentials, service)
    await one.challenged([BEARER], SCOPES)
    assert await asyncio.gather(*(one.header(SCOPES) for _ in range(5))) == ["Bearer t"] * 5
    assert (len(asked), len(service.asked)) == (1, 1)


async def test_an_old_token_that_is_refused_is_renewed_and_a_fresh_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    service = TokenService()
    one = authorizer(service)
    refused = BEARER + ',error="invalid_token"'
    await one.challenged([BEARER], SCOPES)
    await one.header(SCOPES)
    assert not await one.challenged([refused], SCOPES)
    await one.header(SCOPES)
    monkeypatch.setattr("supervisor.registry.auth._FRESH", 0.0)
    assert await one.challenged([refused], SCOPES)
    await one.header(SCOPES)
    assert len(service.asked) == 3
