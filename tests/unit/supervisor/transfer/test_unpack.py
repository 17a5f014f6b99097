import asyncio
import hashlib
import json

import pytest

from proto.errdefs import Fault
from supervisor.core.digests import Descriptor
from supervisor.registry.manifests import Blob
from supervisor.registry.media_types import OCI_CONFIG, OCI_LAYER
from supervisor.transfer.graph import Graph
from supervisor.transfer.import_archive import write_blob
from supervisor.transfer.progress import Tracker
from supervisor.transfer.unpack import KeyedLocks, Unpacker, chain_ids
from tests.fakes.registry import digest_of
from tests.fakes.supervisor_transfer import TestStores
from tests.raw_tar import archive, file

LAYERS = [archive(file("a", b"one")), archive(file("b", b"two")), archive(file(".wh.a", b""))]


def put(graph: Graph, data: bytes, media_type: str) -> Blob:
    blob = Blob(media_type, digest_of(data), len(data))
    write_blob(graph, f"test-{blob.digest}", blob, data)
    return blob


@pytest.fixture
def image(graph: Graph) -> tuple[Blob, list[Blob]]:
    config = {"rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in LAYERS]}}
    return put(graph, json.dumps(config).encode(), OCI_CONFIG), [put(graph, layer, OCI_LAYER) for layer in LAYERS]


@pytest.fixture
def unpacker(graph: Graph, stores: TestStores) -> Unpacker:
    return Unpacker(graph, stores.snapshots, "overlayfs", KeyedLocks())


async def here(_layer: Descriptor) -> None:
    pass


def test_chain_ids_are_those_of_the_image_specification() -> None:
    first, second = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    assert chain_ids([first, second]) == [
        first,
        "sha256:" + hashlib.sha256(f"{first} {second}".encode()).hexdigest(),
    ]
    assert chain_ids([]) == []


async def test_layers_are_stacked_under_their_chain_ids(
    unpacker: Unpacker, image: tuple[Blob, list[Blob]], stores: TestStores
) -> None:
    config, layers = image
    top = await unpacker.unpack(config, layers, here, Tracker("x", "y", None))
    assert top == chain_ids([digest_of(layer) for layer in LAYERS])[-1]
    assert sorted(path.name for path in stores.folders.folder(top).iterdir()) == ["b"]
    info = stores.folders.infos[top]
    assert info.labels["containerd.io/snapshot.ref"] == top
    assert all(not name.startswith("extract-") for name in stores.folders.infos)
    labels = stores.content.info("ns", config.digest).labels
    assert labels["containerd.io/gc.ref.snapshot.overlayfs"] == top
    assert stores.content.info("ns", layers[0].digest).labels["containerd.io/uncompressed"] == digest_of(LAYERS[0])


async def test_what_is_unpacked_already_is_leased_and_not_even_fetched(
    unpacker: Unpacker, image: tuple[Blob, list[Blob]], stores: TestStores
) -> None:
    top = await unpacker.unpack(*image, here, Tracker("x", "y", None))

    async def never(layer: Descriptor) -> None:
        raise AssertionError(layer)

    await unpacker.unpack(*image, never, Tracker("x", "y", None))
    assert stores.folders.leased == [top]


async def test_two_at_once_do_the_work_once(
    unpacker: Unpacker, image: tuple[Blob, list[Blob]], stores: TestStores
) -> None:
    await asyncio.gather(*(unpacker.unpack(*image, here, Tracker("x", "y", None)) for _ in range(3)))
    assert len(stores.folders.infos) == len(LAYERS)


async def test_a_layer_with_other_bytes_than_the_config_says_is_refused(
    graph: Graph, unpacker: Unpacker, image: tuple[Blob, list[Blob]], stores: TestStores
) -> None:
    wrong = put(graph, archive(file("evil")), OCI_LAYER)
    with pytest.raises(Fault, match="wrong diff id"):
        await unpacker.unpack(image[0], [image[1][0], wrong, image[1][2]], here, Tracker("x", "y", None))
    assert list(stores.folders.infos) == [digest_of(LAYERS[0])]


async def test_a_broken_layer_leaves_no_snapshot(
    graph: Graph, unpacker: Unpacker, image: tuple[Blob, list[Blob]], stores: TestStores
) -> None:
    broken = put(graph, b"\x1f\x8b\x08junk", OCI_LAYER + "+gzip")
    with pytest.raises(Fault, match=r"failed to extract layer \(application/vnd.oci.image.layer.v1.tar\+gzip sha256:"):
        await unpacker.unpack(image[0], [broken, *image[1][1:]], here, Tracker("x", "y", None))
    assert stores.folders.infos == {}


async def test_a_fetch_that_fails_stops_the_others_and_leaves_nothing(
    unpacker: Unpacker, image: tuple[Blob, list[Blob]], stores: TestStores
) -> None:
    cancelled = []

    async def fetch(layer: Descriptor) -> None:
        if layer == image[1][0]:
            raise Fault("gone")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(layer)
            raise

    with pytest.raises(Fault, match="gone"):
        await unpacker.unpack(*image, fetch, Tracker("x", "y", None))
    assert len(cancelled) == 2
    assert stores.folders.infos == {}


async def test_layers_are_applied_beside_each_other_and_committed_in_order(
    graph: Graph, image: tuple[Blob, list[Blob]], stores: TestStores
) -> None:
    """Where the driver can give a snapshot its parent late: here the lowest layer comes last."""
    stores.folders.able = ("rebase",)
    tracker = Tracker("x", "y", None)
    applied = asyncio.Event()

    async def extracted(layer: Descriptor) -> None:
        if layer == image[1][1]:
            applied.set()

    tracker.extracted = extracted  # type: ignore[method-assign]  # a look inside, at the very moment

    async def fetch(layer: Descriptor) -> None:
        if layer == image[1][0]:
            await applied.wait()
            assert all(name.startswith("extract-") for name in stores.folders.infos)

    unpacker = Unpacker(graph, stores.snapshots, "overlayfs", KeyedLocks(), asyncio.Semaphore(3))
    top = await unpacker.unpack(*image, fetch, tracker)
    chain = chain_ids([digest_of(layer) for layer in LAYERS])
    assert [(name, info.parent) for name, info in stores.folders.infos.items()] == [
        (chain[0], ""),
        (chain[1], chain[0]),
        (top, chain[1]),
    ]


async def test_a_layer_beside_others_leaves_nothing_when_the_one_below_fails(
    graph: Graph, image: tuple[Blob, list[Blob]], stores: TestStores
) -> None:
    stores.folders.able = ("rebase",)
    broken = put(graph, b"\x1f\x8b\x08junk", OCI_LAYER + "+gzip")
    unpacker = Unpacker(graph, stores.snapshots, "overlayfs", KeyedLocks(), asyncio.Semaphore(3))
    with pytest.raises(Fault, match="failed to extract layer"):
        await unpacker.unpack(image[0], [broken, *image[1][1:]], here, Tracker("x", "y", None))
    assert stores.folders.infos == {}


async def test_two_that_apply_beside_each_other_do_the_work_once(
    graph: Graph, image: tuple[Blob, list[Blob]], stores: TestStores
) -> None:
    stores.folders.able = ("rebase",)
    locks, slots = KeyedLocks(), asyncio.Semaphore(1)
    unpackers = [Unpacker(graph, stores.snapshots, "overlayfs", locks, slots) for _ in range(3)]
    await asyncio.gather(*(one.unpack(*image, here, Tracker("x", "y", None)) for one in unpackers))
    assert len(stores.folders.infos) == len(LAYERS)


async def test_a_config_of_another_number_of_layers_is_refused(
    unpacker: Unpacker, image: tuple[Blob, list[Blob]]
) -> None:
    with pytest.raises(Fault, match="number of layers and diffIDs don't match: 2 != 3"):
        await unpacker.unpack(image[0], image[1][:2], here, Tracker("x", "y", None))


async def test_locks_go_when_nobody_needs_them() -> None:
    locks = KeyedLocks()
    order = []

    async def work(number: int) -> None:
        order.append(number)
        await asyncio.sleep(0)
        order.append(number)

    await asyncio.gather(*(locks.run(("k",), lambda number=number: work(number)) for number in (1, 2, 3)))  # type: ignore[misc]
    assert order == [1, 1, 2, 2, 3, 3]
    assert locks._locks == {}
