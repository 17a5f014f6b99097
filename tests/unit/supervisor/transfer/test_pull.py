import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from proto.errdefs import DataLoss, FailedPrecondition, Fault, InvalidArgument, NotFound
from supervisor.core.digests import Platform
from supervisor.registry import platforms
from supervisor.transfer.endpoints import ImageStoreEnd, RegistryEnd, Unpack
from supervisor.transfer.local import Transfers
from tests.fakes.registry import CONFIG, INDEX, LAYER, FakeRegistry, digest_of, serving
from tests.fakes.supervisor_archives import LAYERS, Listener
from tests.fakes.supervisor_transfer import TestStores


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    async with serving() as registry:
        yield registry


async def pull(transfers: Transfers, registry: FakeRegistry, listener: Listener | None = None, **end: object) -> str:
    name = f"{registry.host}/some/image:1"
    options = {"platforms": [platforms.host()], "unpacks": [Unpack(platforms.host())], **end}
    await transfers.transfer("ns", RegistryEnd(name, default_scheme="http"), ImageStoreEnd(name, **options), listener)  # type: ignore[arg-type]
    return name


def nothing_is_left(stores: TestStores) -> bool:
    return not (
        stores.images.list("ns")
        or stores.folders.infos
        or stores.leases.list("ns")
        or list(stores.content.statuses("ns"))
    )


async def test_a_pull_fetches_unpacks_and_names(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry, listener: Listener
) -> None:
    described = registry.add_image(LAYERS, "1")
    name = await pull(transfers, registry, listener)
    assert stores.images.get("ns", name).target.digest == described["digest"]
    assert len(stores.folders.infos) == len(LAYERS)
    labels = stores.content.info("ns", digest_of(LAYERS[0])).labels
    assert labels["containerd.io/distribution.source.127.0.0.1"] == "some/image"
    events = listener.names()
    assert events[:3] == [
        f"Resolving from OCI Registry ({name})",
        f"Pulling from OCI Registry ({name})",
        "fetching image content",
    ]
    assert events[-2:] == ["saved", f"Completed pull from OCI Registry ({name})"]
    assert {"waiting", "complete", "extracting", "extracted"} <= set(events)


async def test_a_second_pull_fetches_nothing(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry, listener: Listener
) -> None:
    registry.add_image(LAYERS, "1")
    await pull(transfers, registry)
    registry.seen.clear()
    await pull(transfers, registry, listener)
    assert [seen[0] for seen in registry.seen] == ["HEAD"]
    assert "already exists" in listener.names()


async def test_only_the_platform_asked_for_is_fetched(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry
) -> None:
    mine = registry.add_image(LAYERS[:1])
    other = registry.add_image(LAYERS[1:])
    here = platforms.host()
    registry.add_manifest(
        {
            "schemaVersion": 2,
            "manifests": [
                {**other, "platform": {"os": "linux", "architecture": "s390x"}},
                {**mine, "platform": {"os": "linux", "architecture": here.architecture, "variant": here.variant}},
            ],
        },
        "1",
        media_type=INDEX,
    )
    await pull(transfers, registry)
    assert not registry.requests("GET", digest_of(LAYERS[1]))
    with pytest.raises(NotFound, match="no match for platform in manifest"):
        await pull(transfers, registry, platforms=[Platform("linux", "riscv64")])
    await pull(transfers, registry, platforms=[], all_metadata=True)
    assert registry.requests("GET", digest_of(LAYERS[1]))


async def test_a_wrong_layer_is_refused_and_nothing_is_left(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry
) -> None:
    registry.add_image(LAYERS, "1")
    data = registry.blobs[digest_of(LAYERS[1])]
    registry.blobs[digest_of(LAYERS[1])] = data[:-1] + bytes([data[-1] ^ 1])
    with pytest.raises(FailedPrecondition, match=r"failed commit on ref .* unexpected commit digest"):
        await pull(transfers, registry)
    assert [info for info in stores.folders.infos if info.startswith("extract")] == []
    left = [status.ref for status in stores.content.statuses("ns") if digest_of(LAYERS[1]) in status.ref]
    assert (stores.images.list("ns"), stores.leases.list("ns"), left) == ([], [], [])


async def test_short_and_long_layers_are_refused(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry
) -> None:
    registry.add_image(LAYERS[:1], "1")
    registry.blobs[digest_of(LAYERS[0])] = LAYERS[0][:100]
    with pytest.raises(Fault, match="short read: expected"):
        await pull(transfers, registry)
    registry.blobs[digest_of(LAYERS[0])] = LAYERS[0] + b"more"
    with pytest.raises(DataLoss, match="sends more than"):
        await pull(transfers, registry)
    assert nothing_is_left(stores)


async def test_a_manifest_that_is_two_things_is_refused(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry
) -> None:
    described = registry.add_image(LAYERS[:1])
    document = json.loads(registry.manifests[described["digest"]][1])
    registry.add_manifest({**document, "manifests": [described]}, "1")
    with pytest.raises(InvalidArgument, match="expected manifest but found index"):
        await pull(transfers, registry)
    assert nothing_is_left(stores)


async def test_a_layer_that_inflates_to_something_else_is_refused(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry
) -> None:
    registry.add_image(LAYERS[:1], "1", diff_ids=["sha256:" + "0" * 64])
    with pytest.raises(Fault, match="wrong diff id"):
        await pull(transfers, registry)
    assert nothing_is_left(stores)


async def test_compressed_layers_are_unpacked_by_their_diff_ids(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry
) -> None:
    packed = gzip.compress(LAYERS[0])
    config = {
        "os": "linux",
        "architecture": platforms.host().architecture,
        "rootfs": {"diff_ids": [digest_of(LAYERS[0])]},
    }
    document = {
        "config": {"mediaType": CONFIG, **registry.add(json.dumps(config).encode())},
        "layers": [{"mediaType": LAYER + "+gzip", **registry.add(packed)}],
    }
    registry.add_manifest(document, "1")
    await pull(transfers, registry)
    assert list(stores.folders.infos) == [digest_of(LAYERS[0])]


async def test_the_same_layer_packed_otherwise_is_fetched_although_it_was_unpacked_before(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry
) -> None:
    plain = registry.add_image(LAYERS[:1], "1")
    await pull(transfers, registry)
    config = json.loads(registry.manifests[plain["digest"]][1])["config"]
    packed = registry.add(gzip.compress(LAYERS[0], mtime=0))
    registry.add_manifest({"config": config, "layers": [{"mediaType": LAYER + "+gzip", **packed}]}, "1")
    await pull(transfers, registry)
    assert list(stores.folders.infos) == [digest_of(LAYERS[0])]
    assert stores.content.info("ns", packed["digest"]).size == packed["size"]


async def test_a_missing_image_is_not_found(transfers: Transfers, stores: TestStores, registry: FakeRegistry) -> None:
    with pytest.raises(NotFound, match=r"failed to resolve image: .*: not found"):
        await pull(transfers, registry)
    assert nothing_is_left(stores)


async def test_two_pulls_of_one_image_fetch_each_blob_once(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry
) -> None:
    registry.add_image(LAYERS, "1")

    async def slow(request: web.Request) -> web.StreamResponse | None:
        await asyncio.sleep(0.05)
        return None

    registry.tricks.append(slow)
    await asyncio.gather(pull(transfers, registry), pull(transfers, registry))
    assert len(registry.requests("GET", "blobs")) == 3
    assert len(stores.images.list("ns")) == 1


async def test_a_pull_that_is_cancelled_can_be_taken_up_again(
    transfers: Transfers, stores: TestStores, registry: FakeRegistry
) -> None:
    registry.add_image(LAYERS, "1")

    async def stuck(request: web.Request) -> web.StreamResponse | None:
        if digest_of(LAYERS[0]) in request.path:
            await asyncio.sleep(30)
        return None

    registry.tricks.append(stuck)
    work = asyncio.ensure_future(pull(transfers, registry))
    await asyncio.sleep(0.3)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (stores.images.list("ns"), stores.folders.infos, stores.leases.list("ns")) == ([], {}, [])
    registry.tricks.clear()
    assert await pull(transfers, registry)
