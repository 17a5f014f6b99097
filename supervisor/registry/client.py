"""The registry client: resolve a name, fetch what it refers to, push. Distribution 1.1; one object per transfer.

Hosts are tried in their order: a mirror that fails is passed over, the last host's answer is the one that counts. The
repository is asked for under the same path everywhere; mirrors are told by `ns=` whom they stand for.
"""

import hashlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from urllib.parse import quote

import aiohttp

from proto.errdefs import DataLoss, Fault, InvalidArgument, NotFound
from supervisor.core.digests import Descriptor, digest_problem
from supervisor.registry import blobs, manifests, media_types
from supervisor.registry.auth import Credentials, is_loopback
from supervisor.registry.hosts import PULL, PUSH, RESOLVE, RegistryHost
from supervisor.registry.http import HostClient, Request, Unreachable, read_bounded, refusal, scope
from supervisor.registry.manifests import Blob
from supervisor.registry.reference import Reference

logger = logging.getLogger(__name__)

MAX_MANIFEST = 4 << 20
ACCEPT = ", ".join(
    (
        media_types.DOCKER_MANIFEST,
        media_types.DOCKER_INDEX,
        media_types.OCI_MANIFEST,
        media_types.OCI_INDEX,
        "*/*",
    )
)


class RegistryClient:
    """One repository, on all its hosts."""

    def __init__(
        self,
        reference: Reference,
        hosts: Sequence[RegistryHost],
        credentials: Credentials | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.reference = reference
        self._hosts = hosts
        self._credentials = credentials
        self._headers = headers or {}
        self._clients: dict[int, HostClient] = {}  # by the place in the list

    async def __aenter__(self) -> "RegistryClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients.values():
            await client.close()

    def clients(self, capability: str) -> list[HostClient]:
        """The hosts that can do something, in order."""
        found = [place for place, host in enumerate(self._hosts) if capability in host.capabilities]
        if not found:
            raise NotFound(f"no {capability} hosts: not found")
        for place in found:
            if place not in self._clients:
                self._clients[place] = self._connect(self._hosts[place])
        return [self._clients[place] for place in found]

    def _connect(self, host: RegistryHost) -> HostClient:
        """A mirror gets the caller's headers, but no authorization that was meant for the registry."""
        kept = {
            name: text for name, text in self._headers.items() if not host.is_mirror or name.lower() != "authorization"
        }
        return HostClient(host, self._credentials, kept)

    def url(self, client: HostClient, *parts: str) -> str:
        """An endpoint of the repository on a host."""
        url = "/".join((client.host.base, self.reference.path, *(quote(part, safe=":@") for part in parts)))
        return f"{url}?ns={quote(self.reference.host)}" if client.host.is_mirror else url

    def pull_scopes(self) -> tuple[str, ...]:
        """What a token must allow for reading."""
        return (scope(self.reference.path, ("pull",)),)

    async def resolve(self) -> Blob:
        """The descriptor that the reference's tag or digest leads to."""
        wanted = self.reference.digest or self.reference.tag
        if not wanted:
            raise Fault("object required")
        failure: Fault | None = None
        for client in self.clients(PULL if self.reference.digest else RESOLVE):
            try:
                return await self._resolve_at(client, wanted)
            except Fault as fault:
                logger.info("%s: %s", client.host.host, fault)
                failure = _more_telling(failure, fault)
        raise failure or NotFound(f"{self.reference}: not found")

    async def _resolve_at(self, client: HostClient, wanted: str) -> Blob:
        url = self.url(client, "manifests", wanted)
        async with client.send(Request("HEAD", url, {"Accept": ACCEPT}, self.pull_scopes())) as response:
            await self._check(response)
            digest = response.headers.get("Docker-Content-Digest", "")
            size = response.content_length
            media_type = _media_type(response)
        if not digest or size is None or self.reference.digest:
            digest, size, media_type = await self._get_to_resolve(client, url)
        if digest_problem(digest) is not None:
            raise InvalidArgument(f'"{digest[:200]}" in header not a valid digest: {digest_problem(digest)}')
        if media_type in media_types.SCHEMA1:
            raise InvalidArgument("schema 1 image manifests are no longer supported: invalid argument")
        if size > MAX_MANIFEST:
            raise NotFound(f"rejecting {size} byte manifest for {self.reference}: not found")
        return Blob(media_type, digest, size)

    async def _get_to_resolve(self, client: HostClient, url: str) -> tuple[str, int, str]:
        """Ask for the manifest itself where a HEAD does not say enough, and hash it."""
        async with client.send(Request("GET", url, {"Accept": ACCEPT}, self.pull_scopes())) as response:
            await self._check(response)
            data = await read_bounded(response, MAX_MANIFEST)
            algorithm = self.reference.digest.partition(":")[0] or "sha256"
            digest = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
            if self.reference.digest and digest != self.reference.digest:
                raise DataLoss(f"{self.reference}: the registry sent {digest}: data loss")
            media_type = _media_type(response)
            own = manifests.parse_object(data, "manifest").get("mediaType")
            return digest, len(data), own if isinstance(own, str) and media_type in ("", "text/plain") else media_type

    async def fetch(self, blob: Descriptor, offset: int = 0) -> AsyncIterator[bytes]:
        """A blob's bytes from `offset` on; no more than its descriptor says. Foreign layers come from their own
        URLs."""
        if isinstance(blob, Blob) and blob.urls and media_types.is_non_distributable(blob.media_type):
            async for chunk in self._fetch_foreign(blob, offset):
                yield chunk
            return
        failure: Fault | None = None
        given = offset
        for client in self.clients(PULL):
            try:
                async for chunk in self._fetch_at(client, blob, given):
                    given += len(chunk)
                    yield chunk
                return
            except Fault as fault:
                logger.info("%s: %s", client.host.host, fault)
                failure = _more_telling(failure, fault)
        raise failure or NotFound(f"could not fetch content descriptor {blob.digest}: not found")

    async def _fetch_at(self, client: HostClient, blob: Descriptor, offset: int) -> AsyncIterator[bytes]:
        is_manifest = media_types.is_manifest(blob.media_type) or media_types.is_index(blob.media_type)
        headers = {"Accept": f"{blob.media_type}, */*"} if blob.media_type else {}
        url = self.url(client, "manifests" if is_manifest else "blobs", blob.digest)
        source = blobs.Source(client, url, headers, self.pull_scopes(), parallel=not is_loopback(client.host.host))
        async for chunk in blobs.read(source, blob, offset):
            yield chunk

    async def _fetch_foreign(self, blob: Blob, offset: int) -> AsyncIterator[bytes]:
        """From the URLs in the manifest, https only, without anybody's credentials (CVE-2020-15157)."""
        for url in blob.urls:
            host, _, _ = url.removeprefix("https://").partition("/")
            if not url.startswith("https://") or not host or "@" in host:
                continue
            client = HostClient(RegistryHost("https", host, ""), None, {})
            try:
                async for chunk in blobs.read(blobs.Source(client, url), blob, offset):
                    yield chunk
                return
            except Fault as fault:
                logger.info("foreign layer %s: %s", blob.digest, fault)
            finally:
                await client.close()
        raise NotFound(f"could not fetch foreign layer {blob.digest} from any of its URLs: not found")

    async def _check(self, response: aiohttp.ClientResponse) -> None:
        """Turn a refusal into a Fault."""
        if response.status < 300:
            return
        if response.status == 404:
            raise NotFound(f"{self.reference}: not found")
        raise await refusal(response, "pull access denied, repository does not exist or may require authorization")

    def push_client(self) -> HostClient:
        """The host that pushes go to."""
        return self.clients(PUSH)[0]


def _media_type(response: aiohttp.ClientResponse) -> str:
    text = response.headers.get("Content-Type", "").partition(";")[0].strip()
    return media_types.DOCKER_SCHEMA1 if text == "text/plain" else text


def _more_telling(first: Fault | None, second: Fault) -> Fault:
    """Of two hosts' failures the one that says more: a refusal over `not found`, that over `not reachable`."""

    def weight(fault: Fault | None) -> int:
        if fault is None:
            return -1
        return 0 if isinstance(fault, Unreachable) else 1 if isinstance(fault, NotFound) else 2

    return second if weight(second) >= weight(first) else first or second
