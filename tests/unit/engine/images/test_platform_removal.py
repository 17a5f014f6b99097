"""Single platforms go."""

import pytest

from engine.images.platform import Platform
from proto.errdefs import InvalidArgument, NotFound
from tests.fakes.engine_images import World
from tests.fakes.engine_variants import many

NAME = "docker.io/library/a:latest"
AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


async def test_it_has_to_be_forced() -> None:
    world = World()
    many(world, NAME)
    with pytest.raises(InvalidArgument, match="Use --force to force delete"):
        await world.images.remove_platforms("a", [ARM64])


async def test_one_goes_and_what_the_others_need_stays() -> None:
    world = World()
    made = many(world, NAME)
    manifest = await world.manifests.read(made.arm64)
    assert await world.images.remove_platforms("a", [ARM64], force=True) == [{"Deleted": made.arm64.digest}]
    base, own = manifest.layers
    assert base.digest in world.content.blobs
    assert not {own.digest, manifest.config_digest, made.arm64.digest} & set(world.content.blobs)
    assert [one.available for one in await world.images.variants.of(made.index)] == [True, False, False, True]
    assert NAME in world.records.images


async def test_a_platform_that_is_not_here_removes_nothing_at_all() -> None:
    world = World()
    many(world, NAME)
    before = dict(world.content.blobs)
    with pytest.raises(NotFound, match=r"^failed to delete platform linux/s390x for image sha256:.*does not provide"):
        await world.images.remove_platforms("a", [ARM64, Platform("linux", "s390x")], force=True)
    assert world.content.blobs == before


async def test_an_image_of_which_nothing_is_left_goes_with_its_names() -> None:
    world = World()
    made = many(world, NAME, "docker.io/library/b:1")
    removed = await world.images.remove_platforms("a", [AMD64, ARM64], force=True)
    assert removed == [{"Deleted": made.amd64.digest}, {"Deleted": made.arm64.digest}]
    assert world.records.images == {}
    assert [action for action, _ in world.events] == ["untag", "untag"]


async def test_what_another_image_is_made_of_stays() -> None:
    world = World()
    made = many(world, NAME)
    world.name("docker.io/library/arm:1", made.arm64)
    await world.images.remove_platforms("a", [AMD64], force=True)
    manifest = await world.manifests.read(made.arm64)
    assert {layer.digest for layer in manifest.layers} <= set(world.content.blobs)
    assert (await world.catalog.resolve("arm:1")).manifest.digest == made.arm64.digest
