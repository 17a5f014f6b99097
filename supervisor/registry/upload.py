"""Uploads: a blob by mount from a sister repository, by one PUT, or in chunks when it is big; a manifest by PUT.

A Location that leads to another host gets no Authorization, and only the bytes.
"""

from collections.abc import AsyncIterator, Callable
from urllib.parse import quote, urljoin, urlsplit

import aiohttp

from proto.errdefs import Fault
from supervisor.content.threads import in_thread
from supervisor.core.content import ReaderAt
from supervisor.core.digests import Descriptor
from supervisor.registry import media_types
from supervisor.registry.client import MAX_MANIFEST, RegistryClient
from supervisor.registry.http import HostClient, Request, check_address, read_bounded, refusal, scope

CHUNKED_FROM = 64 << 20
CHUNK = 32 << 20
_READ = 1 << 20
_DENIED = "push access denied, repository does not exist or may require authorization"

Moved = Callable[[int], None]


class Uploader:
    """Uploads into one repository."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._host = client.push_client()
        self._scopes = (scope(client.reference.path, ("pull", "push")),)

    async def exists(self, blob: Descriptor, tag: str = "") -> bool:
        """Whether the registry has a blob, or a manifest under its tag."""
        kind = "manifests" if _is_manifest(blob) else "blobs"
        url = self._client.url(self._host, kind, tag or blob.digest)
        request = Request("HEAD", url, {"Accept": f"{blob.media_type}, */*"}, self._scopes)
        async with self._host.send(request) as response:
            if response.status == 404:
                return False
            if response.status != 200:
                raise await refusal(response, _DENIED)
            return not tag or response.headers.get("Docker-Content-Digest") == blob.digest

    async def index(self, tag: str) -> bytes | None:
        """The index that the registry has under a tag, if it has one."""
        url = self._client.url(self._host, "manifests", tag)
        async with self._host.send(Request("GET", url, {"Accept": media_types.OCI_INDEX}, self._scopes)) as response:
            if response.status == 404:
                return None
            if response.status != 200:
                raise await refusal(response, _DENIED)
            return await read_bounded(response, MAX_MANIFEST)

    async def manifest(self, blob: Descriptor, data: bytes, tag: str = "") -> bool:
        """Put a manifest under its digest or a tag; whether the registry took note of its subject."""
        url = self._client.url(self._host, "manifests", tag or blob.digest)
        headers = {"Content-Type": blob.media_type, "Content-Length": str(len(data))}
        async with self._host.send(Request("PUT", url, headers, self._scopes, data)) as response:
            if response.status not in (200, 201, 204):
                raise await refusal(response, _DENIED)
            told = response.headers.get("Docker-Content-Digest", blob.digest)
            if told != blob.digest:
                raise Fault(f"got digest {told}, expected {blob.digest}")
            return "OCI-Subject" in response.headers

    async def blob(self, blob: Descriptor, reader: ReaderAt, mount_from: str, moved: Moved) -> bool:
        """Upload a blob; False when the registry could mount it and no byte was sent."""
        location = await self._begin(blob, mount_from)
        if location is None:
            return False
        if blob.size >= CHUNKED_FROM:
            location, offset = await self._chunks(blob, reader, location, moved)
        else:
            offset = 0
        await self._finish(blob, reader, location, offset, moved)
        return True

    async def _begin(self, blob: Descriptor, mount_from: str) -> str | None:
        url = self._client.url(self._host, "blobs", "uploads") + "/"
        if "?" in url:
            head, _, query = url.partition("?")
            url = f"{head}/?{query.rstrip('/')}"
        if mount_from:
            joint = "&" if "?" in url else "?"
            mount = f"{url}{joint}mount={quote(blob.digest, safe=':')}&from={quote(mount_from, safe='/')}"
            scopes = (*self._scopes, scope(mount_from, ("pull",)))
            async with self._host.send(Request("POST", mount, {"Content-Length": "0"}, scopes, b"")) as response:
                if response.status == 201:
                    return None
                if response.status == 202:
                    return _location(response, self._host)
        async with self._host.send(Request("POST", url, {"Content-Length": "0"}, self._scopes, b"")) as response:
            if response.status == 201:
                return None
            if response.status not in (200, 202, 204):
                raise await refusal(response, _DENIED)
            return _location(response, self._host)

    async def _chunks(self, blob: Descriptor, reader: ReaderAt, location: str, moved: Moved) -> tuple[str, int]:
        """All but the last chunk by PATCH; a registry that does not take chunks gets everything by PUT."""
        offset = 0
        while blob.size - offset > CHUNK:
            end = offset + CHUNK
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Length": str(CHUNK),
                "Content-Range": f"{offset}-{end - 1}",
            }
            body = _body(reader, offset, end, moved)
            # one attempt: after a failure only the registry knows how much of the chunk it has
            async with self._host.send(Request("PATCH", location, headers, self._scopes, body, 1)) as response:
                if response.status in (404, 405, 501) and offset == 0:
                    return location, 0
                if response.status not in (202, 204):
                    raise await refusal(response, _DENIED)
                location = _location(response, self._host)
            offset = end
        return location, offset

    async def _finish(self, blob: Descriptor, reader: ReaderAt, location: str, offset: int, moved: Moved) -> None:
        joint = "&" if "?" in location else "?"
        url = f"{location}{joint}digest={quote(blob.digest, safe=':')}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size - offset)}
        if offset:
            headers["Content-Range"] = f"{offset}-{blob.size - 1}"
        request = Request("PUT", url, headers, self._scopes, _body(reader, offset, blob.size, moved), 1)
        async with self._host.send(request) as response:
            if response.status not in (200, 201, 204):
                raise await refusal(response, _DENIED)


def _is_manifest(blob: Descriptor) -> bool:
    return media_types.is_manifest(blob.media_type) or media_types.is_index(blob.media_type)


def _location(response: aiohttp.ClientResponse, host: HostClient) -> str:
    """Where an upload goes on; maybe another host, never a forbidden address or a step down to plain http."""
    location = response.headers.get("Location", "")
    if not location:
        raise Fault(f"upload response from {host.host.host} has no Location")
    target = urljoin(str(response.url), location)
    if urlsplit(target).scheme not in ("http", "https"):
        raise Fault(f"unable to parse location {location[:200]!r}")
    if urlsplit(target).netloc == host.host.host:
        return host.host.scheme + target[len(urlsplit(target).scheme) :]  # a proxy may not know that we came by https
    if host.host.scheme == "https" and urlsplit(target).scheme == "http":
        raise Fault(f"upload to plain http refused: {target.partition('?')[0]}")
    check_address(target, host.host)
    return target


def _body(reader: ReaderAt, start: int, end: int, moved: Moved) -> Callable[[], AsyncIterator[bytes]]:
    async def chunks() -> AsyncIterator[bytes]:
        offset = start
        while offset < end:
            data = await in_thread(reader.read_at, offset, min(_READ, end - offset))
            if not data:
                raise Fault(f"short read at {offset}: unexpected EOF")
            yield data
            offset += len(data)
            moved(offset)

    return chunks
