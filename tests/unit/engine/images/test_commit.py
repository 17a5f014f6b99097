"""Images made of containers and of file systems."""

import gzip
from collections.abc import AsyncIterator

import pytest

from engine.images.commit import Wish
from engine.images.platform import Platform
from engine.images.reference import parse
from proto.errdefs import InvalidArgument
from tests.fakes.engine_images import World, digest_of


async def archive(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def test_a_tar_becomes_an_image_of_one_layer() -> None:
    world = World()
    wish = Wish(parse("new:1"), "Imported from -", changes=("USER nobody",))
    image_id = await world.images.committer.load_file_system(archive(gzip.compress(b"tar")), wish)
    image = await world.catalog.resolve("new:1")
    assert (image.id, image.manifest.diff_ids) == (image_id, (digest_of(b"tar"),))
    assert image.container_config == {"User": "nobody"}
    assert image.config["history"][0]["comment"] == "Imported from -"
    assert image.top in world.snapshots.sizes
    assert world.events[-1] == ("import", image_id)
    assert world.leases.open == 0


async def test_without_a_name_it_dangles() -> None:
    world = World()
    platform = Platform("linux", "arm64")
    image_id = await world.images.committer.load_file_system(archive(b"tar"), Wish(), platform)
    image = await world.catalog.resolve(image_id)
    assert image.tags == []
    assert image.manifest.platform == platform


async def test_what_a_container_changed_becomes_a_layer_more() -> None:
    world = World()
    base = await world.add("docker.io/library/base:1", config={"Env": ["A=1"]}, history=[{"created_by": "base"}])
    wish = Wish(parse("new:1"), "why", "me", ("ENV B=2",))
    image_id = await world.images.committer.commit("box", base.manifest, {"Env": ["A=1"]}, wish, "sh -c x")
    image = await world.catalog.resolve(image_id)
    assert image.manifest.diff_ids == (*base.manifest.diff_ids, digest_of(b"changed"))
    assert image.container_config["Env"] == ["A=1", "B=2"]
    assert image.config["author"] == "me"
    step = image.config["history"][-1]
    assert (step["created_by"], step["comment"], step["author"]) == ("sh -c x", "why", "me")
    assert world.snapshots.active == {}
    assert world.events[-2:] == [("create", image_id), ("tag", image_id)]


async def test_a_change_that_cannot_be_leaves_no_image() -> None:
    world = World()
    with pytest.raises(InvalidArgument):
        await world.images.committer.load_file_system(archive(b"tar"), Wish(changes=("RUN x",)))
    assert world.records.images == {}
    assert world.leases.open == 0


async def test_an_image_remembers_what_it_was_made_of_under_every_name() -> None:
    world = World()
    base = await world.add("docker.io/library/base:1")
    wish = Wish(reference=parse("made:1"))
    image_id = await world.images.committer.commit("box", base.manifest, {}, wish, "")
    await world.images.tag("made:1", parse("again:2"))
    await world.images.remove("made:1")
    assert (await world.images.inspect("again:2", (1, 51)))["Parent"] == base.id
    assert (await world.images.inspect(image_id, (1, 51)))["Parent"] == base.id
