"""What a name leads to."""

from engine.images.platform import Platform
from engine.images.variants import lacking
from tests.fakes.engine_images import World
from tests.fakes.engine_variants import many

NAME = "docker.io/library/a:latest"
ARM64 = Platform("linux", "arm64")


async def test_an_index_leads_to_all_that_it_names_here_or_not() -> None:
    world = World()
    made = many(world, NAME)
    found = await world.images.variants.of(made.index)
    assert [one.digest for one in found] == [
        made.amd64.digest, made.arm64.digest, made.riscv64.digest, made.attestation.digest
    ]  # fmt: skip
    assert [one.available for one in found] == [True, True, False, True]
    assert [one.is_image for one in found] == [True, True, True, False]
    assert found[3].subject == made.amd64.digest
    assert found[1].suits([ARM64])
    assert not found[1].suits([Platform("linux", "arm", "v7")])


async def test_one_manifest_is_of_the_platform_of_its_config() -> None:
    world = World()
    target = world.add_blobs(b"x", platform=("linux", "arm64"))
    (only,) = await world.images.variants.of(target)
    assert (only.platform, only.available) == (ARM64, True)
    assert "platform" not in only.entry


async def test_a_variant_without_one_of_its_layers_is_not_available() -> None:
    world = World()
    made = many(world, NAME)
    manifest = await world.manifests.read(made.arm64)
    del world.content.blobs[manifest.layers[-1].digest]
    found = await world.images.variants.of(made.index)
    assert [(one.manifest is not None, one.available) for one in found[:2]] == [(True, True), (True, False)]


async def test_an_index_in_an_index_is_looked_into() -> None:
    world = World()
    made = many(world)
    outer = world.add_index((made.index, None))
    assert len(await world.images.variants.of(outer)) == 4
    assert await world.images.variants.indexes(outer) == [outer, made.index]


def test_what_is_lacking_is_said_in_dockers_words() -> None:
    assert str(lacking("a", ARM64)) == (
        "image with reference a was found but does not provide the specified platform (linux/arm64)"
    )
    assert str(lacking("a", None)).endswith("does not provide any platform")
