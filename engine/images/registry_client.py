"""The two questions that an engine itself asks a registry: are these credentials good, and what is behind this name.

Everything that moves images goes through the supervisor. Tokens: https://distribution.github.io/distribution/spec/auth/token/
"""

import base64
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from engine import jsontext
from engine.images.dialing import reason
from engine.images.hosts import PLAIN, Access
from engine.images.manifests import DOCUMENT_LIMIT, INDEX_TYPES
from engine.images.reference import DEFAULT_DOMAIN, Reference
from engine.images.registry_auth import OFFICIAL_INDEX, Credentials
from proto.errdefs import DataLoss, Fault, Internal, NotFound, PermissionDenied, Unauthenticated, Unavailable

Json = dict[str, Any]

_HUB = "registry-1.docker.io"
_HUB_NAMES = ("", DEFAULT_DOMAIN, "index.docker.io", _HUB)
_MANIFEST_TYPES = (
    *sorted(INDEX_TYPES),
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=10)


class RegistryClient:
    """Asks registries."""

    def __init__(self, access: Access = PLAIN) -> None:
        self._access = access

    async def login(self, credentials: Credentials) -> str:
        """See that a registry takes the credentials; answers an identity token, where the registry gives one."""
        host = registry_host(credentials.server)
        async with self.session(host) as (session, base):
            async with session.get(f"{base}/v2/", allow_redirects=True) as answer:
                if answer.status == 200:
                    return ""
                challenge = answer.headers.get("WWW-Authenticate", "")
            header, identity = await authorization(session, challenge, credentials, "")
            async with session.get(f"{base}/v2/", headers={"Authorization": header}) as answer:
                if answer.status in (401, 403):
                    raise _unauthorized(f"{base}/v2/")
                if answer.status != 200:
                    raise Internal(f'Get "{base}/v2/": unexpected status {answer.status}')
        return identity

    async def distribution(
        self, reference: Reference, credentials: Credentials, *, manifest: bool = False, insecure: bool = False
    ) -> Json:
        """The descriptor and the platforms that a registry has under a name; `manifest`: with what it describes."""
        async with self.session(registry_host(reference.domain), mirrors=True, insecure=insecure) as (session, base):
            asker = _Asker(session, f"{base}/v2/{reference.path}", credentials, f"repository:{reference.path}:pull")
            data, headers = await asker.get(f"/manifests/{reference.digest or reference.tag}", reference)
            document = _document(data)
            media_type = headers.get("Content-Type", "").partition(";")[0]
            platforms = await self._platforms(asker, document, media_type, reference)
        digest = headers.get("Docker-Content-Digest", reference.digest)
        return {
            "Descriptor": {"mediaType": media_type, "digest": digest, "size": len(data)},
            "Platforms": platforms,
            **({"Manifest": document} if manifest else {}),
        }

    async def tags(self, repository: Reference, credentials: Credentials) -> list[str]:
        """Every tag of a repository."""
        found: list[str] = []
        async with self.session(registry_host(repository.domain), mirrors=True) as (session, base):
            asker = _Asker(session, f"{base}/v2/{repository.path}", credentials, f"repository:{repository.path}:pull")
            path = "/tags/list"
            while path:
                data, headers = await asker.get(path, repository)
                found += _document(data).get("tags") or ()
                path = _next_page(headers.get("Link", ""))
        return found

    async def _platforms(self, asker: "_Asker", document: Json, media_type: str, reference: Reference) -> list[Json]:
        if media_type in INDEX_TYPES:
            return [entry["platform"] for entry in document.get("manifests") or () if entry.get("platform")]
        config = (document.get("config") or {}).get("digest")
        if not config:
            return []
        data, _ = await asker.get(f"/blobs/{config}", reference)
        found = _document(data)
        platform = {"architecture": found.get("architecture", ""), "os": found.get("os", "")}
        return [platform | ({"variant": found["variant"]} if found.get("variant") else {})]

    @contextlib.asynccontextmanager
    async def session(
        self, host: str, *, mirrors: bool = False, insecure: bool = False
    ) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
        """A session, and the base that the registry answers under: https, or http where that is allowed."""
        plain = insecure or self._access.is_insecure(host)
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session:
            bases = [f"https://{host}", f"http://{host}"] if plain else [f"https://{host}"]
            if mirrors and host == _HUB:
                bases = [*self._access.mirrors, *bases]
            for base in bases:
                try:
                    async with session.get(f"{base}/v2/"):
                        break
                except (aiohttp.ClientError, TimeoutError) as error:
                    refusal = Unavailable(f'Get "{base}/v2/": {reason(error)}')
            else:
                raise refusal
            try:
                yield session, base
            except (aiohttp.ClientError, TimeoutError) as error:
                raise Unavailable(f'Get "{base}/v2/": {reason(error)}') from error


class _Asker:
    """Asks about one repository, with a token once the registry wants one."""

    def __init__(self, session: aiohttp.ClientSession, base: str, credentials: Credentials, scope: str) -> None:
        self._session = session
        self._base = base
        self._credentials = credentials
        self._scope = scope
        self._headers = {"Accept": ", ".join(_MANIFEST_TYPES)}

    async def get(self, path: str, reference: Reference) -> tuple[bytes, Mapping[str, str]]:
        for _ in range(2):
            async with self._session.get(self._base + path, headers=self._headers) as answer:
                if answer.status == 200:
                    return await bounded(answer), answer.headers
                if answer.status != 401 or "Authorization" in self._headers:
                    raise _refusal(answer.status, reference)
                challenge = answer.headers.get("WWW-Authenticate", "")
            header, _ = await authorization(self._session, challenge, self._credentials, self._scope)
            self._headers["Authorization"] = header
        raise _refusal(401, reference)


async def authorization(
    session: aiohttp.ClientSession, challenge: str, credentials: Credentials, scope: str
) -> tuple[str, str]:
    """The header that answers a challenge, and the identity token that came with it."""
    if credentials.registry_token:
        return f"Bearer {credentials.registry_token}", ""
    basic = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
    if not challenge.lower().startswith("bearer"):
        return f"Basic {basic}", ""
    known = dict(_PARAMETER.findall(challenge))
    realm = known.get("realm", "")
    if not realm.startswith(("https://", "http://")):
        raise Internal(f"the registry's challenge names no realm: {challenge}")
    question = [("service", known.get("service", "")), ("client_id", "docker"), ("offline_token", "true")]
    question += [("scope", one) for one in (scope or known.get("scope", "")).split()]
    headers = {"Authorization": f"Basic {basic}"} if credentials.username else {}
    async with session.get(realm, params=question, headers=headers) as answer:
        if answer.status in (401, 403):
            raise _unauthorized(realm)
        found = _document(await bounded(answer)) if answer.status == 200 else {}
    token = found.get("token") or found.get("access_token")
    if not token:
        raise Internal(f"{realm} gave no token (status {answer.status})")
    return f"Bearer {token}", str(found.get("refresh_token") or "")


async def bounded(answer: aiohttp.ClientResponse) -> bytes:
    data = await answer.content.read(DOCUMENT_LIMIT + 1)
    while len(data) <= DOCUMENT_LIMIT and (more := await answer.content.read(DOCUMENT_LIMIT + 1 - len(data))):
        data += more
    if len(data) > DOCUMENT_LIMIT:
        raise DataLoss(f"{answer.url} is longer than a manifest may be")
    return data


def _document(data: bytes) -> Json:
    try:
        document = jsontext.loads(data)
    except ValueError as error:
        raise DataLoss(f"the registry's answer is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise DataLoss("the registry's answer is not a JSON object")
    return document


def _next_page(link: str) -> str:
    """The rest of a long list of tags is behind `Link: </v2/NAME/tags/list?…>; rel="next"`."""
    target, _, rel = link.partition(">")
    query = urlsplit(target.removeprefix("<")).query
    return f"/tags/list?{query}" if query and "next" in rel else ""


def registry_host(server: str) -> str:
    """The registry's host of a server address; Docker Hub has many names."""
    host = urlsplit(server).netloc if "://" in server else server.partition("/")[0]
    return _HUB if host in _HUB_NAMES or server == OFFICIAL_INDEX else host


def _unauthorized(url: str) -> Fault:
    return Unauthenticated(f'Get "{url}": unauthorized: incorrect username or password')


def _refusal(status: int, reference: Reference) -> Fault:
    if status in (401, 403):
        return PermissionDenied(
            "errors:\ndenied: requested access to the resource is denied\n"
            f"unauthorized: authentication required: {reference.familiar}"
        )
    if status == 404:
        return NotFound(f"no such manifest: {reference.familiar}")
    return Internal(f"the registry answered {status} about {reference.familiar}")
