"""What is said about an image is fetched with it."""

import logging
from typing import Any

import pytest

from engine.images.reference import parse
from engine.images.registry_auth import Credentials
from proto.errdefs import Unavailable
from tests.fakes.engine_images import World
from tests.fakes.engine_variants import Many, many

NAME = "docker.io/library/a:latest"


async def pull(world: World, made: Many) -> list[dict[str, Any]]:
    async def script(fake: Any, source: Any, destination: Any, progress: Any) -> None:
        world.name(destination.name, made.index if destination.name == NAME else made.attestation)
        if source.reference.endswith(made.attestation.digest):
            world.content.add(attestation)

    attestation = world.content.blobs.pop(made.attestation.digest)
    world.transfers.script = script
    return [line async for line in world.images.pull("a", "latest", Credentials())]


async def test_attestations_of_what_was_pulled_come_along_and_stay() -> None:
    world = World()
    made = many(world)
    await pull(world, made)
    (_, (source, destination)) = world.transfers.calls
    assert source.reference == f"docker.io/library/a@{made.attestation.digest}"
    assert len(destination.unpacks) == 0
    assert made.attestation.digest in world.content.labels[made.index.digest].values()
    assert set(world.records.images) == {NAME, f"docker.io/library/a@{made.index.digest}"}
    assert len(await world.images.statements("a", None, (), bodies=False)) <= 1


async def test_what_is_there_is_not_fetched_again() -> None:
    world = World()
    made = many(world)
    await world.images._puller._companions.fetch(parse("a:latest"), made.index, Credentials())
    assert world.transfers.calls == []


async def test_an_image_of_one_platform_has_none() -> None:
    world = World()
    await world.images._puller._companions.fetch(parse("a:latest"), world.add_blobs(b"x"), Credentials())
    assert world.transfers.calls == []


async def test_a_pull_without_them_is_a_pull(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    made = many(world, NAME)
    del world.content.blobs[made.attestation.digest]
    world.transfers.fault = Unavailable("no such registry")
    with caplog.at_level(logging.INFO):
        await world.images._puller._companions.fetch(parse("a:latest"), made.index, Credentials())
    assert "no such registry" in caplog.text
    assert set(world.records.images) == {NAME}
