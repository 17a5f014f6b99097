"""A registry on loopback that keeps everything in memory, remembers what it was asked, and misbehaves on order."""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


Trick = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


@dataclass
class FakeRegistry:
    """Blobs and manifests by digest; `tricks` see each request first and may answer it."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    tricks: list[Trick] = field(default_factory=list)
    port: int = 0
    ranges: bool = True
    mounts: bool = True

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def add(self, data: bytes) -> dict[str, Any]:
        self.blobs[digest_of(data)] = data
        return {"digest": digest_of(data), "size": len(data)}

    def add_manifest(self, document: dict[str, Any] | bytes, *tags: str, media_type: str = MANIFEST) -> dict[str, Any]:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        for name in (digest_of(data), *tags):
            self.manifests[name] = (media_type, data)
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

    def add_image(self, layers: list[bytes], *tags: str, diff_ids: list[str] | None = None) -> dict[str, Any]:
        """An image of plain layers for amd64."""
        config = {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": diff_ids or [digest_of(layer) for layer in layers]},
        }
        return self.add_manifest(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, **self.add(json.dumps(config).encode())},
                "layers": [{"mediaType": LAYER, **self.add(layer)} for layer in layers],
            },
            *tags,
        )

    def add_referrer(self, subject: dict[str, Any], kind: str, data: bytes = b"{}", *tags: str) -> dict[str, Any]:
        """An artifact that is about another manifest."""
        return self.add_manifest(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "artifactType": kind,
                "config": {"mediaType": "application/vnd.oci.empty.v1+json", **self.add(b"{}")},
                "layers": [{"mediaType": "text/plain", **self.add(data)}],
                "subject": subject,
                "annotations": {"made": "by a test"},
            },
            *tags,
        )

    def requests(self, method: str = "", part: str = "") -> list[tuple[str, str, dict[str, str]]]:
        return [one for one in self.seen if one[0].startswith(method) and part in one[1]]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path_qs, dict(request.headers)))
        for trick in self.tricks:
            answer = await trick(request)
            if answer is not None:
                return answer
        parts = request.path.removeprefix("/v2/").split("/")
        if "uploads" in parts:
            return await self._upload(request, parts)
        kind, name = ["", *parts][-2:]
        if request.method == "PUT":
            data = await request.read()
            self.add_manifest(data, name, media_type=request.headers["Content-Type"])
            return web.Response(status=201, headers={"Docker-Content-Digest": digest_of(data)})
        if kind == "manifests" and name in self.manifests:
            media_type, data = self.manifests[name]
            headers = {"Docker-Content-Digest": digest_of(data), "Content-Type": media_type}
            return web.Response(body=data, headers=headers)
        if kind == "blobs" and name in self.blobs:
            return self._blob(request, self.blobs[name])
        return web.json_response({"errors": [{"code": "NAME_UNKNOWN"}]}, status=404)

    def _blob(self, request: web.Request, data: bytes) -> web.Response:
        wanted = request.headers.get("Range", "")
        if wanted and self.ranges:
            start, _, end = wanted.removeprefix("bytes=").partition("-")
            last = min(int(end), len(data) - 1) if end else len(data) - 1
            headers = {"Content-Range": f"bytes {start}-{last}/{len(data)}"}
            return web.Response(status=206, body=data[int(start) : last + 1], headers=headers)
        return web.Response(body=data, headers={"Accept-Ranges": "bytes"} if self.ranges else {})

    async def _upload(self, request: web.Request, parts: list[str]) -> web.Response:
        location = f"/v2/up/blobs/uploads/{len(self.uploads)}?state=x"
        if request.method == "POST":
            mounted = request.query.get("mount", "")
            if self.mounts and mounted in self.blobs:
                return web.Response(status=201)
            self.uploads[str(len(self.uploads))] = b""
            return web.Response(status=202, headers={"Location": location})
        self.uploads[parts[-1]] += await request.read()
        data = self.uploads[parts[-1]]
        if request.method == "PATCH":
            return web.Response(status=202, headers={"Location": str(request.rel_url)})
        if digest_of(data) != request.query["digest"]:
            return web.json_response({"errors": [{"code": "DIGEST_INVALID"}]}, status=400)
        self.blobs[digest_of(data)] = data
        return web.Response(status=201)


@asynccontextmanager
async def serving(registry: FakeRegistry | None = None) -> AsyncIterator[FakeRegistry]:
    """A registry that answers, on a port of its own."""
    registry = registry or FakeRegistry()
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", registry.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    registry.port = runner.addresses[0][1]
    try:
        yield registry
    finally:
        await runner.cleanup()


def with_referrers(registry: FakeRegistry) -> Trick:
    """The referrers endpoint of distribution 1.1, and the header that says so."""

    async def trick(request: web.Request) -> web.StreamResponse | None:
        if "/referrers/" in request.path:
            about = request.path.rpartition("/")[2]
            found = {}
            for media_type, data in registry.manifests.values():
                if json.loads(data).get("subject", {}).get("digest") == about:
                    found[digest_of(data)] = {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}
            index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(found.values())}
            return web.json_response(index, content_type=INDEX)
        if request.method == "PUT" and "/manifests/" in request.path:
            data = await request.read()
            registry.add_manifest(data, request.path.rpartition("/")[2], media_type=request.headers["Content-Type"])
            headers = {"Docker-Content-Digest": digest_of(data)}
            if "subject" in json.loads(data):
                headers["OCI-Subject"] = json.loads(data)["subject"]["digest"]
            return web.Response(status=201, headers=headers)
        return None

    return trick


def needing_token(realm: str, token: str = "secret-token") -> Trick:
    """Answers 401 until the right token comes."""

    async def trick(request: web.Request) -> web.StreamResponse | None:
        if request.path.startswith("/token") or request.headers.get("Authorization") == f"Bearer {token}":
            return None
        challenge = f'Bearer realm="{realm}",service="fake"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    return trick


def giving_token(token: str = "secret-token", **more: Any) -> Trick:
    """A token service beside the registry, under /token."""

    async def trick(request: web.Request) -> web.StreamResponse | None:
        return web.json_response({"token": token, **more}) if request.path == "/token" else None

    return trick


def failing(status: int, times: int, part: str = "", **headers: str) -> Trick:
    """Fails so many times before it works."""
    left = [times]

    async def trick(request: web.Request) -> web.StreamResponse | None:
        if part in request.path and left[0]:
            left[0] -= 1
            return web.Response(status=status, headers=headers)
        return None

    return trick
