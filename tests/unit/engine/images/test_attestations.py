"""Statements about images."""

import pytest

from engine.images.platform import Platform
from proto.errdefs import Internal, NotFound
from tests.fakes.engine_images import World
from tests.fakes.engine_variants import PROVENANCE, many

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


@pytest.fixture
def world() -> World:
    world = World()
    many(world, "docker.io/library/a:latest")
    return world


async def test_the_statements_of_one_platform_are_found(world: World) -> None:
    (found,) = await world.images.statements("a", AMD64, (), bodies=False)
    assert found["PredicateType"] == PROVENANCE
    assert found["Descriptor"]["mediaType"] == "application/vnd.in-toto+json"
    assert "Statement" not in found
    assert await world.images.statements("a", ARM64, (), bodies=False) == []


async def test_their_text_comes_when_it_is_asked_for(world: World) -> None:
    (found,) = await world.images.statements("a", AMD64, (PROVENANCE,), bodies=True)
    assert found["Statement"] == {"predicate": {"a": 1}}
    assert await world.images.statements("a", AMD64, ("https://spdx.dev/Document",), bodies=True) == []


async def test_a_platform_that_the_image_is_not_for_is_not_found(world: World) -> None:
    with pytest.raises(NotFound, match="no manifest found for platform linux/s390x"):
        await world.images.statements("a", Platform("linux", "s390x"), (), bodies=False)


async def test_a_statement_that_is_not_here_is_said_to_be_so(world: World) -> None:
    (found,) = await world.images.statements("a", AMD64, (), bodies=False)
    del world.content.blobs[found["Descriptor"]["digest"]]
    with pytest.raises(Internal, match="is not available locally"):
        await world.images.statements("a", AMD64, (), bodies=True)


async def test_an_image_without_an_index_has_none(world: World) -> None:
    await world.add("docker.io/library/b:latest")
    assert await world.images.statements("b", None, (), bodies=False) == []
