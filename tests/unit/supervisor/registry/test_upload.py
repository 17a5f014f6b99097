from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from proto.errdefs import Fault, Unauthenticated
from supervisor.core.digests import Descriptor
from supervisor.registry import upload
from supervisor.registry.client import RegistryClient
from supervisor.registry.hosts import RegistryHost
from supervisor.registry.media_types import OCI_LAYER, OCI_MANIFEST
from supervisor.registry.reference import Reference
from supervisor.registry.upload import Uploader
from tests.fakes.registry import FakeRegistry, digest_of, serving
from tests.fakes.supervisor_blobs import MemoryReader

DATA = b"0123456789" * 1000
BLOB = Descriptor(OCI_LAYER, digest_of(DATA), len(DATA))


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    async with serving() as registry:
        yield registry


@pytest.fixture
async def uploader(registry: FakeRegistry) -> AsyncIterator[Uploader]:
    async with RegistryClient(Reference("x", "some/image", "1"), [RegistryHost("http", registry.host)]) as client:
        yield Uploader(client)


async def put(uploader: Uploader, mount_from: str = "") -> tuple[bool, list[int]]:
    moved: list[int] = []
    return await uploader.blob(BLOB, MemoryReader(DATA), mount_from, moved.append), moved


async def test_a_blob_is_put_whole(registry: FakeRegistry, uploader: Uploader) -> None:
    assert not await uploader.exists(BLOB)
    assert await put(uploader) == (True, [len(DATA)])
    assert registry.blobs[BLOB.digest] == DATA
    assert await uploader.exists(BLOB)
    assert [seen[0] for seen in registry.requests(part="uploads")] == ["POST", "PUT"]


async def test_a_blob_of_a_sister_repository_is_mounted(registry: FakeRegistry, uploader: Uploader) -> None:
    registry.add(DATA)
    assert await put(uploader, "other/image") == (False, [])
    assert f"mount={BLOB.digest}&from=other/image" in registry.seen[-1][1]


async def test_a_mount_that_is_not_granted_goes_on_as_an_upload(registry: FakeRegistry, uploader: Uploader) -> None:
    registry.mounts = False
    assert (await put(uploader, "other/image"))[0]
    assert registry.blobs[BLOB.digest] == DATA


async def test_a_big_blob_goes_in_chunks(
    registry: FakeRegistry, uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "CHUNKED_FROM", 1)
    monkeypatch.setattr(upload, "CHUNK", 4000)
    await put(uploader)
    assert registry.blobs[BLOB.digest] == DATA
    ranges = [headers.get("Content-Range") for _, _, headers in registry.requests("P", "uploads/0")]
    assert ranges == ["0-3999", "4000-7999", "8000-9999"]


async def test_a_manifest_is_put_under_its_tag(registry: FakeRegistry, uploader: Uploader) -> None:
    data = b'{"schemaVersion": 2}'
    blob = Descriptor(OCI_MANIFEST, digest_of(data), len(data))
    assert not await uploader.exists(blob, "1")
    await uploader.manifest(blob, data, "1")
    assert registry.manifests["1"] == (OCI_MANIFEST, data)
    assert await uploader.exists(blob, "1")


async def test_a_refusal_is_a_fault_with_the_registrys_words(registry: FakeRegistry, uploader: Uploader) -> None:
    async def denied(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=401, text="log in first")

    registry.tricks.append(denied)
    with pytest.raises(Unauthenticated, match=r"push access denied.*log in first"):
        await put(uploader)


async def test_an_upload_may_go_on_at_another_host_without_authorization(
    registry: FakeRegistry, uploader: Uploader
) -> None:
    async with serving() as storage:
        storage.uploads["0"] = b""

        async def away(request: web.Request) -> web.StreamResponse | None:
            location = f"http://{storage.host}/v2/up/blobs/uploads/0?signature=x"
            return web.Response(status=202, headers={"Location": location}) if request.method == "POST" else None

        registry.tricks.append(away)
        await put(uploader)
        assert storage.blobs[BLOB.digest] == DATA
        assert "Authorization" not in storage.seen[-1][2]
        assert "signature=x&digest=" in storage.seen[-1][1]


async def test_a_location_that_is_none_is_refused(registry: FakeRegistry, uploader: Uploader) -> None:
    for location in ("", "file:///etc/passwd", "http://169.254.169.254/x"):

        async def odd(request: web.Request, location: str = location) -> web.StreamResponse | None:
            return web.Response(status=202, headers={"Location": location} if location else {})

        registry.tricks[:] = [odd]
        with pytest.raises(Fault):
            await put(uploader)
