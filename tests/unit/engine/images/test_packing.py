"""Layers that were made here, on their way to a registry."""

import gzip
import json
from typing import Any

import pytest

from engine.images.commit import Wish
from engine.images.reference import parse
from engine.images.registry_auth import Credentials
from proto.errdefs import DataLoss
from tests.fakes.engine_images import LAYER_TYPE, World, digest_of

_PLAIN = "application/vnd.oci.image.layer.v1.tar"


async def _imported(world: World, name: str, data: bytes = b"a layer") -> str:
    async def chunks() -> Any:
        yield data

    return await world.images.committer.load_file_system(chunks(), Wish(parse(name).with_default_tag()))


async def _push(world: World, name: str) -> list[dict[str, Any]]:
    return [line async for line in world.images.push(name, "1", Credentials())]


def _layers(world: World, record: str) -> list[dict[str, Any]]:
    document = json.loads(world.content.blobs[world.records.images[record].target.digest])
    return list(document["layers"])


async def test_a_plain_layer_is_compressed_when_it_is_pushed_and_the_image_keeps_its_id() -> None:
    world = World()
    image_id = await _imported(world, "r.io/a:1")
    assert [layer["mediaType"] for layer in _layers(world, "r.io/a:1")] == [_PLAIN]
    lines = await _push(world, "r.io/a")
    target = world.records.images["r.io/a:1"].target
    (layer,) = _layers(world, "r.io/a:1")
    assert layer["mediaType"] == LAYER_TYPE
    packed = world.content.blobs[layer["digest"]]
    assert gzip.decompress(packed) == b"a layer"
    assert layer["size"] == len(packed)
    assert lines[-1]["aux"]["Digest"] == target.digest
    image = await world.images.resolve("r.io/a:1")
    assert image.id == image_id
    assert image.digests == [f"r.io/a@{target.digest}"]
    assert not [name for name in world.records.images if name.startswith("moby-dangling")]


async def test_the_manifest_and_the_packed_layer_are_kept_and_found_by_their_labels() -> None:
    world = World()
    await _imported(world, "r.io/a:1")
    await _push(world, "r.io/a")
    (layer,) = _layers(world, "r.io/a:1")
    labels = world.content.labels[world.records.images["r.io/a:1"].target.digest]
    assert labels["containerd.io/gc.ref.content.l.0"] == layer["digest"]
    assert world.content.labels[layer["digest"]] == {"containerd.io/uncompressed": digest_of(b"a layer")}


async def test_what_an_earlier_push_has_packed_serves_the_next() -> None:
    world = World()
    await _imported(world, "r.io/a:1")
    await _push(world, "r.io/a")
    await _imported(world, "r.io/b:1")
    blobs = set(world.content.blobs)
    await _push(world, "r.io/b")
    assert _layers(world, "r.io/b:1") == _layers(world, "r.io/a:1")
    assert len(set(world.content.blobs) - blobs) == 1  # the manifest alone


async def test_compressed_layers_go_as_they_are() -> None:
    world = World()
    image = await world.add("r.io/a:1")
    await _push(world, "r.io/a")
    assert world.records.images["r.io/a:1"].target.digest == image.names[0].target.digest


async def test_a_layer_that_has_rotted_is_not_pushed() -> None:
    world = World()
    await _imported(world, "r.io/a:1")
    world.content.blobs[digest_of(b"a layer")] = b"another"
    with pytest.raises(DataLoss, match="is not what it was"):
        await _push(world, "r.io/a")
    assert [layer["mediaType"] for layer in _layers(world, "r.io/a:1")] == [_PLAIN]
