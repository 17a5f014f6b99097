import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from proto.errdefs import DataLoss, Fault, InvalidArgument, NotFound, PermissionDenied
from supervisor.core.digests import Descriptor
from supervisor.registry.client import RegistryClient
from supervisor.registry.hosts import PUSH, RegistryHost
from supervisor.registry.manifests import Blob
from supervisor.registry.media_types import DOCKER_FOREIGN, OCI_LAYER
from supervisor.registry.reference import Reference
from tests.fakes.registry import MANIFEST, FakeRegistry, digest_of, failing, serving


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    async with serving() as registry:
        yield registry


def client(*registries: FakeRegistry, tag: str = "1", digest: str = "") -> RegistryClient:
    hosts = [RegistryHost("http", one.host, is_mirror=one is not registries[-1]) for one in registries]
    return RegistryClient(Reference("registry.example", "some/image", tag, digest), hosts)


async def fetch(one: RegistryClient, blob: Descriptor, offset: int = 0) -> bytes:
    return b"".join([chunk async for chunk in one.fetch(blob, offset)])


async def test_a_tag_resolves_to_a_descriptor(registry: FakeRegistry) -> None:
    described = registry.add_image([b"layer"], "1")
    async with client(registry) as one:
        found = await one.resolve()
    assert (found.media_type, found.digest, found.size) == (MANIFEST, described["digest"], described["size"])
    assert [seen[0] for seen in registry.seen] == ["HEAD"]


async def test_a_registry_without_the_digest_header_is_asked_for_the_manifest(registry: FakeRegistry) -> None:
    described = registry.add_image([b"layer"], "1")

    async def bare(request: web.Request) -> web.StreamResponse | None:
        if request.method == "HEAD":
            return web.Response(headers={"Content-Type": MANIFEST})
        return None

    registry.tricks.append(bare)
    async with client(registry) as one:
        assert (await one.resolve()).digest == described["digest"]


async def test_a_digest_is_verified_and_not_believed(registry: FakeRegistry) -> None:
    registry.add_image([b"layer"], "1")
    wanted = "sha256:" + "0" * 64
    registry.manifests[wanted] = registry.manifests["1"]
    async with client(registry, digest=wanted) as one:
        with pytest.raises(DataLoss):
            await one.resolve()


async def test_bad_digests_and_schema_1_are_refused(registry: FakeRegistry) -> None:
    async def lying(request: web.Request) -> web.StreamResponse | None:
        headers = {"Docker-Content-Digest": "sha256:../../x", "Content-Length": "5", "Content-Type": MANIFEST}
        return web.Response(headers=headers, body=b"12345")

    registry.tricks.append(lying)
    async with client(registry) as one:
        with pytest.raises(InvalidArgument, match="not a valid digest"):
            await one.resolve()
    registry.tricks.clear()
    schema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    registry.add_manifest({"fsLayers": []}, "1", media_type=schema1)
    async with client(registry) as one:
        with pytest.raises(InvalidArgument, match="schema 1 image manifests are no longer supported"):
            await one.resolve()


async def test_a_manifest_of_gigabytes_is_not_read(registry: FakeRegistry) -> None:
    registry.add_manifest(b" " * (5 << 20), "1")
    async with client(registry) as one:
        with pytest.raises(NotFound, match="rejecting"):
            await one.resolve()


async def test_a_mirror_that_fails_is_passed_over(registry: FakeRegistry) -> None:
    described = registry.add_image([b"layer"], "1")
    async with serving() as mirror, client(mirror, registry) as one:
        found = await one.resolve()
        assert found.digest == described["digest"]
        assert mirror.seen[0][1].endswith("?ns=registry.example")
        assert "ns=" not in registry.seen[0][1]
        assert json.loads(await fetch(one, found))["schemaVersion"] == 2


async def test_a_missing_tag_is_not_found_and_a_refusal_has_the_registrys_words(registry: FakeRegistry) -> None:
    async with client(registry) as one:
        with pytest.raises(NotFound, match=r"registry.example/some/image:1: not found"):
            await one.resolve()

    async def forbidden(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=403, text="not for you")

    registry.tricks.append(forbidden)
    async with client(registry) as one:
        with pytest.raises(PermissionDenied, match="403 Forbidden"):
            await one.resolve()


async def test_a_blob_is_read_from_an_offset(registry: FakeRegistry) -> None:
    blob = Descriptor(OCI_LAYER, **registry.add(b"0123456789"))
    async with client(registry) as one:
        assert await fetch(one, blob, 4) == b"456789"
        registry.ranges = False
        assert await fetch(one, blob, 4) == b"456789"


async def test_reading_goes_on_where_the_connection_broke(registry: FakeRegistry) -> None:
    data = bytes(range(256)) * 4000
    blob = Descriptor(OCI_LAYER, **registry.add(data))
    broken = []

    async def breaking(request: web.Request) -> web.StreamResponse | None:
        if request.method != "GET" or len(broken) > 2:
            return None
        broken.append(request.headers.get("Range"))
        start = int((request.headers.get("Range") or "bytes=0-")[6:-1])
        headers = {
            "Content-Length": str(len(data) - start),
            "Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}",
        }
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        await response.prepare(request)
        await response.write(data[start : start + 300_000])
        assert request.transport is not None
        request.transport.close()
        return response

    registry.tricks.append(breaking)
    async with client(registry) as one:
        assert await fetch(one, blob) == data
    assert len(broken) == 3


async def test_more_bytes_than_were_announced_are_refused(registry: FakeRegistry) -> None:
    described = registry.add(b"0123456789")
    async with client(registry) as one:
        with pytest.raises(DataLoss, match="more than the 5 bytes"):
            await fetch(one, Descriptor(OCI_LAYER, described["digest"], 5))


async def test_a_missing_blob_and_a_range_of_its_own_making_are_faults(registry: FakeRegistry) -> None:
    async with client(registry) as one:
        with pytest.raises(NotFound, match="could not fetch content descriptor"):
            await fetch(one, Descriptor(OCI_LAYER, digest_of(b"missing"), 7))

    async def other(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=206, body=b"x", headers={"Content-Range": "bytes 0-0/10"})

    registry.tricks.append(other)
    async with client(registry) as one:
        with pytest.raises(Fault, match="another range"):
            await fetch(one, Descriptor(OCI_LAYER, digest_of(b"x"), 10), 5)


async def test_foreign_layers_come_over_https_or_not_at_all(registry: FakeRegistry) -> None:
    data = b"foreign"
    blob = Blob(DOCKER_FOREIGN, digest_of(data), len(data), urls=(f"http://{registry.host}/x", "file:///etc/passwd"))
    async with client(registry) as one:
        with pytest.raises(NotFound, match="from any of its URLs"):
            await fetch(one, blob)
    assert registry.seen == []


async def test_a_host_without_the_capability_is_not_asked(registry: FakeRegistry) -> None:
    host = RegistryHost("http", registry.host, capabilities=frozenset((PUSH,)))
    async with RegistryClient(Reference("x", "y", "1"), [host]) as one:
        with pytest.raises(NotFound, match="no resolve hosts"):
            await one.resolve()
        assert one.push_client().host == host


async def test_trouble_in_mid_pull_is_waited_out(registry: FakeRegistry) -> None:
    blob = Descriptor(OCI_LAYER, **registry.add(b"0123456789"))
    registry.tricks.append(failing(502, 1))
    async with client(registry) as one:
        assert await fetch(one, blob) == b"0123456789"


async def test_an_authorization_header_is_for_the_registry_and_not_for_its_mirrors(registry: FakeRegistry) -> None:
    registry.add_image([b"layer"], "1")
    async with serving() as mirror:
        hosts = [RegistryHost("http", mirror.host, is_mirror=True), RegistryHost("http", registry.host)]
        headers = {"Authorization": "Basic secret", "X-Other": "1"}
        async with RegistryClient(Reference("registry.example", "a", "1"), hosts, None, headers) as one:
            await one.resolve()
        (_, _, at_mirror), (_, _, at_registry) = mirror.seen[0], registry.seen[0]
    assert ("Authorization" in at_mirror, at_mirror["X-Other"]) == (False, "1")
    assert at_registry["Authorization"] == "Basic secret"
