"""HTTP towards one registry host: authorization, redirects, retries with back-off, bounded answers.

Redirects are followed by hand: the Authorization header goes no further than the host it was made for, https never
becomes http (but on loopback), and no address is visited that a registry must not name (link-local, where clouds keep
their credentials).
"""

import asyncio
import logging
import random
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from proto.errdefs import Fault, PermissionDenied, Unauthenticated, Unimplemented
from supervisor.registry.auth import Authorizer, Credentials, is_forbidden_address, is_loopback
from supervisor.registry.hosts import RegistryHost

logger = logging.getLogger(__name__)

_MOST_REDIRECTS = 10
_ATTEMPTS = 5
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 20.0
_RETRIED = frozenset((408, 429, 500, 502, 503, 504))
_ERROR_BODY = 64 * 1024
_USER_AGENT = "wherry-supervisor"
_SILENCE = 60.0  # seconds in which a host that was reached says nothing

Body = Callable[[], AsyncIterator[bytes]] | bytes | None


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `body` is a function where it has to be read anew for another attempt."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    body: Body = None
    attempts: int = _ATTEMPTS


class Unreachable(Fault):
    """Nobody answered; its code is UNKNOWN, as containerd's is."""


class SafeResolver(AbstractResolver):
    """Resolves names, and drops the addresses that no registry may lead to."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        allowed = [one for one in found if not is_forbidden_address(one["host"])]
        if found and not allowed:
            raise OSError(None, f"{host} resolves to an address that is not allowed")
        return allowed

    async def close(self) -> None:
        await self._inner.close()


class HostClient:
    """Talks to one host with its own connections, certificates and tokens."""

    def __init__(self, host: RegistryHost, credentials: Credentials | None, headers: Mapping[str, str]) -> None:
        self.host = host
        self._headers = headers
        connector = aiohttp.TCPConnector(
            resolver=SafeResolver(), ssl=tls_context(host), limit_per_host=8, ttl_dns_cache=60
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=host.dial_timeout, sock_read=_SILENCE),
            auto_decompress=False,
            skip_auto_headers=("User-Agent",),
            trust_env=not is_loopback(host.host),  # proxies of the environment, as Go reads it
        )
        self._credentials = credentials
        # a mirror is not the registry that the user has an account with: it is asked for under its own name
        self._authorizer = Authorizer(host.host, host.scheme, credentials, self._plain)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    @asynccontextmanager
    async def send(self, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response to a request, whatever its status but those that another attempt could better."""
        attempt = 0
        challenged = 0
        fell_back = False  # in this request: others that run beside it meet the same surprise
        while True:
            attempt += 1
            try:
                response = await self._follow(request)
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                if self.host.may_be_http and not fell_back and isinstance(_cause(error), ssl.SSLError):
                    self._fall_back_to_http()
                    fell_back = True
                    attempt -= 1
                    continue
                if attempt >= request.attempts or _is_final(error):
                    raise _unreachable(request, error) from error
                logger.info("%s %s failed, another attempt follows: %s", request.method, _shown(request.url), error)
                await asyncio.sleep(_pause(attempt))
                continue
            if response.status == 401 and challenged < 2:
                challenged += 1
                headers = response.headers.getall("WWW-Authenticate", [])
                response.release()
                if await self._authorizer.challenged(headers, request.scopes):
                    attempt -= 1
                    continue
                response = await self._follow(request)
            if response.status in _RETRIED and attempt < request.attempts:
                pause = _retry_after(response) or _pause(attempt)
                response.release()
                await asyncio.sleep(pause)
                continue
            break
        try:
            yield response
        finally:
            response.close()

    def _fall_back_to_http(self) -> None:
        """A loopback registry that does not speak TLS after all."""
        if self.host.scheme == "http":
            return
        self.host = replace(self.host, scheme="http")
        self._authorizer = Authorizer(self.host.host, "http", self._credentials, self._plain)

    async def _follow(self, request: Request) -> aiohttp.ClientResponse:
        """Send once, and go where redirects lead."""
        url, method, body = request.url, request.method, request.body
        own = urlsplit(request.url).netloc
        if own == self.host.host:
            url = self.host.scheme + url[url.index(":") :]  # the request may have been made before a fall-back
        for _ in range(_MOST_REDIRECTS):
            headers = {"User-Agent": _USER_AGENT, **request.headers}
            if urlsplit(url).netloc == own == self.host.host:
                headers.update(self._headers)
                for name, values in self.host.headers.items():
                    headers[name] = ", ".join(values)
                authorization = await self._authorizer.header(request.scopes)
                if authorization is not None:
                    headers["Authorization"] = authorization
            check_address(url, self.host)
            data = body() if callable(body) else body
            response = await self._session.request(method, url, headers=headers, data=data, allow_redirects=False)
            location = response.headers.get("Location")
            if response.status not in (301, 302, 303, 307, 308) or not location:
                return response
            response.release()
            url = redirected(url, location, self.host)
            if response.status == 303:
                method, body = "GET", None
        raise Fault(f"{request.method} {_shown(request.url)}: stopped after {_MOST_REDIRECTS} redirects")

    async def _plain(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limit: int
    ) -> tuple[int, bytes]:
        """A token service's answer: no redirects, no authorization but what is in the headers."""
        check_address(url, self.host)
        try:
            async with self._session.request(
                method, url, headers={"User-Agent": _USER_AGENT, **headers}, data=body, allow_redirects=False
            ) as response:
                return response.status, await read_bounded(response, limit)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise _unreachable(Request(method, url), error) from error


def check_address(url: str, host: RegistryHost) -> None:
    """Refuse addresses that are written out; names are looked at when they are resolved."""
    name = urlsplit(url).hostname or ""
    if is_forbidden_address(name) or (is_loopback(urlsplit(url).netloc) and not is_loopback(host.host)):
        raise PermissionDenied(f"{_shown(url)}: an address that no registry may lead to: permission denied")


def redirected(url: str, location: str, host: RegistryHost) -> str:
    """Where a redirect leads; a step down to plain http is refused."""
    target = urljoin(url, location)
    parts = urlsplit(target)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Fault(f"{_shown(url)}: redirect to {_shown(target)} refused")
    if urlsplit(url).scheme == "https" and parts.scheme == "http" and not is_loopback(parts.netloc):
        raise PermissionDenied(f"{_shown(url)}: redirect to plain http refused: permission denied")
    check_address(target, host)
    return target


def tls_context(host: RegistryHost) -> ssl.SSLContext | bool:
    """What certificates to trust and to show."""
    if host.scheme == "http":
        return True
    context = ssl.create_default_context()
    for file in host.ca_files:
        context.load_verify_locations(file)
    for certificate, key in host.client_pairs:
        context.load_cert_chain(certificate, key or None)
    if host.skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def read_bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """A body of at most so many bytes."""
    parts = []
    size = 0
    async for chunk in response.content.iter_chunked(1 << 16):
        size += len(chunk)
        if size > limit:
            raise Fault(f"{_shown(str(response.url))}: the answer has more than {limit} bytes")
        parts.append(chunk)
    return b"".join(parts)


async def unexpected_status(response: aiohttp.ClientResponse) -> str:
    """The sentence for a status that nobody wanted, with the registry's own words."""
    try:
        body = await read_bounded(response, _ERROR_BODY)
    except (TimeoutError, Fault, aiohttp.ClientError):
        body = b""
    words = body.decode(errors="replace").strip()
    text = f"unexpected status from {response.method} request to {_shown(str(response.url))}: {response.status} "
    text += response.reason or ""
    return f"{text}: {words[:1024]}" if words else text


async def refusal(response: aiohttp.ClientResponse, denied: str) -> Fault:
    """A refused request as a Fault, with the registry's words in it."""
    words = await unexpected_status(response)
    if response.status == 401:
        return Unauthenticated(f"{denied}: authorization failed: {words}")
    if response.status == 403:
        return PermissionDenied(f"{denied}: {words}")
    if response.status in (405, 501):
        return Unimplemented(words)
    return Fault(words)


def _unreachable(request: Request, error: BaseException) -> Fault:
    method = request.method.capitalize()
    return Unreachable(f'failed to do request: {method} "{_shown(request.url)}": {_words(request, error)}')


def _words(request: Request, error: BaseException) -> str:
    """What went wrong, in the words that people look for: those of Go's net package."""
    host = urlsplit(request.url).netloc
    cause = _cause(error)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: lookup {urlsplit(request.url).hostname}: no such host"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {cause.verify_message}"
    if isinstance(cause, ConnectionRefusedError):
        return f"dial tcp {host}: connect: connection refused"
    return str(error) or type(error).__name__


def _shown(url: str) -> str:
    """A URL without its query, which may hold signatures."""
    return url.partition("?")[0]


def _cause(error: BaseException) -> BaseException:
    return error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error


def _is_final(error: BaseException) -> bool:
    """Failures that another attempt in a second will meet again: nobody listens, no such name, a wrong certificate."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return True
    return isinstance(_cause(error), ConnectionRefusedError | ssl.SSLError)


def _pause(attempt: int) -> float:
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    return random.uniform(longest / 2, longest)  # noqa: S311  # spreading attempts, not keeping secrets


def _retry_after(response: Any) -> float | None:
    text = response.headers.get("Retry-After", "")
    return min(float(text), _LONGEST_PAUSE) if text.isdecimal() else None


def scope(repository: str, actions: Iterable[str]) -> str:
    """A token's scope for a repository."""
    return f"repository:{repository}:{','.join(actions)}"
