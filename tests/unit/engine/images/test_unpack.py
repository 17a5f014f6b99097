"""An image is unpacked before a container is made of it."""

import pytest

from proto.errdefs import DataLoss
from tests.fakes.engine_images import World, digest_of


async def test_what_is_unpacked_is_asked_for_once() -> None:
    world = World()
    await world.add("docker.io/library/a:1")
    for _ in range(3):
        await world.images.resolve_quickly("a:1")
    assert world.snapshots.asked == 1


async def test_what_is_missing_is_unpacked_and_kept() -> None:
    world = World()
    image = await world.add("docker.io/library/a:1", layers=(b"1", b"2"))
    for layer, data in zip(image.manifest.layers, (b"1", b"2"), strict=True):
        world.content.labels[layer.digest] = {"containerd.io/uncompressed": digest_of(data)}
    del world.snapshots.sizes[image.top]
    await world.images.resolve_quickly("a:1")
    assert image.top in world.snapshots.sizes
    assert world.content.labels[image.id] == {"containerd.io/gc.ref.snapshot.overlayfs": image.top}
    assert (world.snapshots.active, world.leases.open) == ({}, 0)


async def test_after_a_removal_it_is_asked_again() -> None:
    world = World()
    image = await world.add("docker.io/library/a:1")
    await world.images.resolve_quickly("a:1")
    await world.images.remove("a:1")
    await world.add("docker.io/library/a:1")
    asked = world.snapshots.asked
    await world.images.resolve_quickly("a:1")
    assert (image.top != "", world.snapshots.asked) == (True, asked + 1)


async def test_a_config_that_does_not_fit_its_layers_is_refused() -> None:
    world = World()
    image = await world.add("docker.io/library/a:1", rootfs={"type": "layers", "diff_ids": [digest_of(b"base")]})
    broken = world.add_blobs(b"x", b"y", config={"rootfs": {"type": "layers", "diff_ids": [digest_of(b"z")]}})
    world.name("docker.io/library/b:1", broken)
    assert image.id
    with pytest.raises(DataLoss, match="has 2 layers and 1 diff ids"):
        await world.images.resolve_quickly("b:1")
