"""An image made out of layers is one that the collector can follow."""

import json

import pytest

from engine.images.assemble import Assembler
from engine.images.model import Descriptor, chain_ids
from proto.errdefs import DataLoss
from tests.fakes.engine_images import World, digest_of

LAYER = Descriptor("layer", digest_of(b"x"), 1)


def assembler(world: World) -> Assembler:
    return Assembler(world.content, world.snapshots, world.differences, "overlayfs")


async def test_config_and_manifest_name_what_they_need() -> None:
    world = World()
    config = {"rootfs": {"type": "layers", "diff_ids": [LAYER.digest]}}
    image_id, target = await assembler(world).store(config, [LAYER], "lease")
    assert json.loads(world.content.blobs[image_id]) == config
    manifest = json.loads(world.content.blobs[target.digest])
    assert manifest["config"]["digest"] == image_id
    assert world.content.labels[image_id] == {"containerd.io/gc.ref.snapshot.overlayfs": LAYER.digest}
    assert world.content.labels[target.digest] == {
        "containerd.io/gc.ref.content.l.0": LAYER.digest,
        "containerd.io/gc.ref.content.config": image_id,
    }


async def test_a_layer_is_unpacked_onto_those_below_it() -> None:
    world = World()
    below = digest_of(b"below")
    world.snapshots.sizes[below] = 1
    await assembler(world).unpack(LAYER, (below, LAYER.digest), "lease")
    assert chain_ids((below, LAYER.digest))[1] in world.snapshots.sizes
    assert world.snapshots.active == {}


async def test_a_layer_that_is_there_is_not_unpacked_twice() -> None:
    world = World()
    for _ in range(2):
        await assembler(world).unpack(LAYER, (LAYER.digest,), "lease")
    assert world.snapshots.active == {}


async def test_a_layer_that_is_not_what_it_should_be_leaves_nothing() -> None:
    world = World()
    world.differences.applied = digest_of(b"other")
    with pytest.raises(DataLoss, match="wrong diff id calculated on extraction"):
        await assembler(world).unpack(LAYER, (LAYER.digest,), "lease")
    assert world.snapshots.active == {}
    assert world.snapshots.sizes == {}
