import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from proto.errdefs import DataLoss, Fault
from supervisor.core.digests import Descriptor
from supervisor.registry import blobs
from supervisor.registry.blobs import Source
from supervisor.registry.hosts import RegistryHost
from supervisor.registry.http import HostClient
from supervisor.registry.media_types import OCI_LAYER
from tests.fakes.registry import FakeRegistry, digest_of, serving

DATA = bytes(range(256)) * 400
BLOB = Descriptor(OCI_LAYER, digest_of(DATA), len(DATA))


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "PARALLEL_FROM", 50_000)
    monkeypatch.setattr(blobs, "SEGMENT", 10_000)


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    async with serving() as registry:
        registry.add(DATA)
        yield registry


@pytest.fixture
async def source(registry: FakeRegistry) -> AsyncIterator[Source]:
    client = HostClient(RegistryHost("http", registry.host), None, {})
    yield Source(client, f"http://{registry.host}/v2/some/image/blobs/{BLOB.digest}")
    await client.close()


async def read(source: Source, offset: int = 0, blob: Descriptor = BLOB) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(source, blob, offset)])


async def test_a_big_blob_is_read_by_several_requests_at_once(registry: FakeRegistry, source: Source) -> None:
    running = most = 0

    async def counting(request: web.Request) -> web.StreamResponse | None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return None

    registry.tricks.append(counting)
    assert await read(source) == DATA
    assert most == blobs.AHEAD
    assert len(registry.requests("GET")) == 11


async def test_it_is_taken_up_from_an_offset(registry: FakeRegistry, source: Source) -> None:
    assert await read(source, 33_333) == DATA[33_333:]
    assert registry.requests("GET")[0][2]["Range"] == "bytes=33333-43332"


async def test_a_small_rest_and_a_host_without_ranges_take_one_request(registry: FakeRegistry, source: Source) -> None:
    assert await read(source, len(DATA) - 100) == DATA[-100:]
    assert len(registry.requests("GET")) == 1
    registry.ranges = False
    assert await read(source) == DATA
    assert len(registry.requests("GET")) == 2


async def test_one_connection_where_more_would_not_help(registry: FakeRegistry, source: Source) -> None:
    assert await read(replace(source, parallel=False)) == DATA
    assert len(registry.seen) == 1


async def test_a_segment_that_breaks_off_is_read_on(registry: FakeRegistry, source: Source) -> None:
    broken = []

    async def breaking(request: web.Request) -> web.StreamResponse | None:
        if request.headers.get("Range") != "bytes=20000-29999":
            return None
        broken.append(request)
        headers = {"Content-Length": "10000", "Content-Range": f"bytes 20000-29999/{len(DATA)}"}
        response = web.StreamResponse(status=206, headers=headers)
        await response.prepare(request)
        await response.write(DATA[20_000:25_000])
        assert request.transport is not None
        request.transport.close()
        return response

    registry.tricks.append(breaking)
    assert await read(source) == DATA
    assert len(broken) == 1


async def test_a_segment_that_fails_fails_the_blob_and_stops_the_others(registry: FakeRegistry, source: Source) -> None:
    async def refusing(request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=403) if request.headers.get("Range") == "bytes=20000-29999" else None

    registry.tricks.append(refusing)
    with pytest.raises(Fault, match="403 Forbidden"):
        await read(source)
    assert len(registry.requests("GET")) < 9


async def test_too_much_and_the_wrong_range_are_refused(registry: FakeRegistry, source: Source) -> None:
    with pytest.raises(DataLoss, match="sends more than"):
        await read(source, 0, Descriptor(OCI_LAYER, BLOB.digest, 100))

    async def another(request: web.Request) -> web.StreamResponse | None:
        if request.method != "GET":
            return None
        return web.Response(status=206, body=b"x" * 10_000, headers={"Content-Range": f"bytes 5-10004/{len(DATA)}"})

    registry.tricks.append(another)
    with pytest.raises(Fault, match="another range"):
        await read(source)
