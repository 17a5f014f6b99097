"""Who we are to a registry: challenges, tokens, and the rule that a secret goes to the host it was given for.

A registry that wants a name answers 401 with WWW-Authenticate. `Basic` gets the credentials for that very host.
`Bearer` names a token service (the realm): the credentials given for the registry go there, once per scope, and only
the token goes to the registry. A realm must be https, unless the registry itself is plain http; it must not be a
link-local address, nor loopback for a registry that is not (a registry must not make us talk to our own host's
services).
"""

import asyncio
import base64
import ipaddress
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from proto.errdefs import Fault, InvalidArgument, PermissionDenied, Unauthenticated

_WORD = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)")
_VALUE = re.compile(r'\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_MAX_HEADER = 16 * 1024
_MAX_TOKEN = 1 << 20
_FRESH = 2.0  # seconds in which a token does not go bad
_DEFAULT_LIFE = 60  # seconds, says the token specification


@dataclass(frozen=True, slots=True)
class Credential:
    """A name and a password; or, without a name, an identity token; or a whole Authorization header."""

    username: str = ""
    secret: str = ""
    header: str = ""

    def __repr__(self) -> str:
        return f"Credential({self.username!r}, …)"  # secrets must not get into logs


Credentials = Callable[[str], Awaitable[Credential | None]]
"""Asks for a host's credentials."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme of a WWW-Authenticate header."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


class Post(Protocol):
    """One HTTP request without redirects: status and a bounded body."""

    async def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limit: int
    ) -> tuple[int, bytes]: ...


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """The challenges of all WWW-Authenticate headers (RFC 9110, 11.6.1); what is malformed ends its header."""
    found: list[Challenge] = []
    for header in headers:
        text = header[:_MAX_HEADER]
        position = 0
        parameters: dict[str, str] | None = None
        while word := _WORD.match(text, position):
            value = _VALUE.match(text, word.end())
            if value is not None and parameters is not None:
                quoted = value.group(1)
                parameters[word.group(1).lower()] = (
                    re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else value.group(2)
                )
                position = value.end()
            else:
                parameters = {}
                found.append(Challenge(word.group(1).lower(), parameters))
                position = word.end()
            while position < len(text) and text[position] in " \t,":
                position += 1
    return found


def is_loopback(host: str) -> bool:
    """Whether a host (with or without a port) is this machine by its own name."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_forbidden_address(name: str) -> bool:
    """Addresses that no registry may send us to: link-local (a cloud's metadata service), unspecified, multicast."""
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(name.split("%", maxsplit=1)[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_link_local or address.is_unspecified or address.is_multicast


def check_realm(realm: str, registry_host: str, registry_scheme: str) -> str:
    """The realm's URL if we may go there."""
    try:
        url = urlsplit(realm)
        port_is_fine = url.port is None or url.port > 0
    except ValueError:
        raise InvalidArgument(f"token realm {realm[:200]!r} is not a URL: invalid argument") from None
    name = url.hostname or ""
    if url.scheme not in ("https", "http") or not name or url.username or url.password or not port_is_fine:
        raise InvalidArgument(f"token realm {realm[:200]!r} is not an http URL: invalid argument")
    if url.scheme == "http" and registry_scheme != "http":
        raise PermissionDenied(f"token realm {realm[:200]!r} is not https: permission denied")
    if is_forbidden_address(name) or (is_loopback(url.netloc.rpartition("@")[2]) and not is_loopback(registry_host)):
        raise PermissionDenied(f"token realm {realm[:200]!r} is an address no registry may name: permission denied")
    return realm


def basic(credential: Credential) -> str:
    """An Authorization header with name and password."""
    return "Basic " + base64.b64encode(f"{credential.username}:{credential.secret}".encode()).decode()


@dataclass(slots=True)
class _Token:
    text: str
    obtained_at: float
    expires_at: float


class Authorizer:
    """The authorization of one registry host."""

    def __init__(self, host: str, scheme: str, credentials: Credentials | None, post: Post) -> None:
        self._host = host
        self._scheme = scheme
        self._credentials = credentials
        self._post = post
        self._credential: Credential | None = None
        self._asked = False
        self._challenge: Challenge | None = None
        self._tokens: dict[str, _Token] = {}
        self._asking = asyncio.Lock()  # requests that run side by side ask once

    async def header(self, scopes: Iterable[str]) -> str | None:
        """The Authorization header for a request, as far as the last challenge lets us know."""
        if self._challenge is None:
            return None
        credential = await self._get_credential()
        if credential is not None and credential.header:
            return credential.header
        if self._challenge.scheme == "basic":
            return basic(credential) if credential is not None and credential.username else None
        async with self._asking:
            return "Bearer " + await self._token(self._challenge, credential, " ".join(sorted(set(scopes))))

    async def challenged(self, headers: Iterable[str], scopes: Iterable[str]) -> bool:
        """Take a 401's challenges; False when there is nothing that another try would do better."""
        known = {challenge.scheme: challenge for challenge in parse_challenges(headers)}
        challenge = known.get("bearer") or known.get("basic")
        if challenge is None:
            return False
        if challenge.scheme == "bearer":
            refused = self._tokens.pop(" ".join(sorted(set(scopes))), None)
            if refused is not None and time.monotonic() - refused.obtained_at < _FRESH:
                return False  # the next one would be refused, too; an older one may have expired before its time
        elif self._challenge is not None or await self._get_credential() is None:
            return False
        self._challenge = challenge
        return True

    async def _get_credential(self) -> Credential | None:
        async with self._asking:
            if not self._asked and self._credentials is not None:
                self._credential = await self._credentials(self._host)
            self._asked = True
        return self._credential

    async def _token(self, challenge: Challenge, credential: Credential | None, scope: str) -> str:
        cached = self._tokens.get(scope)
        if cached is not None and cached.expires_at > time.monotonic():
            return cached.text
        realm = check_realm(challenge.parameters.get("realm", ""), self._host, self._scheme)
        document = await self._ask(realm, challenge, credential, scope)
        text = document.get("token") or document.get("access_token")
        if not isinstance(text, str) or not text.isascii() or not text.isprintable():
            raise Unauthenticated("authorization server did not include a token in the response: unauthenticated")
        life = document.get("expires_in", _DEFAULT_LIFE)
        life = life if isinstance(life, int) and life > 0 else _DEFAULT_LIFE
        now = time.monotonic()
        self._tokens[scope] = _Token(text, now, now + life * 0.9)
        return text

    async def _ask(self, realm: str, challenge: Challenge, credential: Credential | None, scope: str) -> dict[str, Any]:
        """OAuth2 POST with an identity token; else GET, with name and password when we have them."""
        service = challenge.parameters.get("service", "")
        if credential is not None and credential.secret and not credential.username:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": credential.secret,
                "service": service,
                "client_id": "containerd-client",
                "scope": scope,
            }
            headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
            status, body = await self._post("POST", realm, headers, urlencode(form).encode(), _MAX_TOKEN)
        else:
            query = [("service", service)] if service else []
            query += [("scope", one) for one in scope.split(" ") if one]
            url = realm + ("&" if "?" in realm else "?") + urlencode(query) if query else realm
            headers = {"Authorization": basic(credential)} if credential is not None and credential.username else {}
            status, body = await self._post("GET", url, headers, None, _MAX_TOKEN)
        if status != 200:
            kind = Unauthenticated if status in (401, 403) else Fault
            raise kind(
                f"failed to fetch {'oauth' if headers.get('Content-Type') else 'anonymous'} token: "
                f"unexpected status from {'POST' if headers.get('Content-Type') else 'GET'} request to "
                f"{realm.split('?', maxsplit=1)[0]}: {status}"
            )
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise Unauthenticated("unable to decode token response: unauthenticated")
        return document
