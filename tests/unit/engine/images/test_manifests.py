"""Reading manifests and configs, whatever an index says."""

import pytest

from engine.images import platform as platforms
from engine.images.model import Descriptor
from engine.images.platform import Platform
from proto.errdefs import DataLoss, NotFound
from tests.fakes.engine_images import INDEX_TYPE, MANIFEST_TYPE, World


async def test_what_was_read_once_is_not_read_again() -> None:
    world = World()
    target = world.add_blobs(b"x")
    first = await world.manifests.read(target)
    reads = len(world.content.reads)
    assert await world.manifests.read(target) is first
    assert len(world.content.reads) == reads


async def test_an_index_leads_to_the_hosts_platform() -> None:
    world = World()
    host = platforms.host()
    own = world.add_blobs(b"own", platform=("linux", host.architecture))
    other = world.add_blobs(b"other", platform=("linux", "riscv64"))
    index = world.add_index((other, ("linux", "riscv64")), (own, ("linux", host.architecture)))
    assert (await world.manifests.read(index)).digest == own.digest
    assert (await world.manifests.read(index, Platform("linux", "riscv64"))).digest == other.digest


async def test_a_platform_that_was_never_pulled_is_passed_over() -> None:
    world = World()
    missing = Descriptor(MANIFEST_TYPE, "sha256:" + "1" * 64, 10)
    there = world.add_blobs(b"x", platform=("linux", "riscv64"))
    index = world.add_index((missing, ("linux", "amd64")), (there, ("linux", "riscv64")))
    assert (await world.manifests.read(index)).digest == there.digest
    assert (await world.manifests.read(index)).digest == there.digest


async def test_an_index_without_anything_that_suits_is_not_found() -> None:
    world = World()
    index = world.add_index((world.add_blobs(b"x"), ("linux", "amd64")))
    with pytest.raises(NotFound):
        await world.manifests.read(index, Platform("linux", "s390x"))


async def test_attestations_are_no_images() -> None:
    world = World()
    attestation = world.add_blobs(b"a", platform=("unknown", "unknown"))
    index = world.add_index((attestation, ("unknown", "unknown")))
    with pytest.raises(NotFound):
        await world.manifests.read(index)


async def test_a_chain_of_indexes_is_not_followed_for_ever() -> None:
    world = World()
    target = world.add_blobs(b"x")
    for _ in range(5):
        target = world.add_index((target, None))
    with pytest.raises(DataLoss, match="nested too deeply"):
        await world.manifests.read(target)


async def test_a_manifest_of_a_gigabyte_is_not_read() -> None:
    world = World()
    with pytest.raises(DataLoss, match="which no manifest or config is"):
        await world.manifests.read(Descriptor(INDEX_TYPE, "sha256:" + "1" * 64, 1 << 30))
    assert world.content.reads == []


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"config":{}}', b'{"config":{"digest":1,"size":"x"}}', b"{}"])
async def test_a_broken_manifest_is_data_loss(data: bytes) -> None:
    world = World()
    with pytest.raises(DataLoss):
        await world.manifests.read(Descriptor(MANIFEST_TYPE, world.content.add(data), len(data)))
