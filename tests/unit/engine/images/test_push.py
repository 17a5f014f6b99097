"""Pushing one tag, or all."""

from typing import Any

import pytest

from engine.images.platform import Platform
from engine.images.registry_auth import Credentials
from proto.errdefs import NotFound, PermissionDenied, Unauthenticated
from tests.fakes.engine_images import World
from tests.fakes.engine_variants import many


async def push(world: World, text: str, tag: str, platform: Platform | None = None) -> list[dict[str, Any]]:
    return [line async for line in world.images.push(text, tag, Credentials(), platform)]


async def test_a_push_ends_with_the_digest_for_people_and_for_programs() -> None:
    world = World()
    image = await world.add("r.io/a:1")
    target = image.names[0].target
    assert await push(world, "r.io/a", "1") == [
        {"status": "The push refers to repository [r.io/a]"},
        {"status": f"1: digest: {target.digest} size: {target.size}"},
        {"progressDetail": {}, "aux": {"Tag": "1", "Digest": target.digest, "Size": target.size}},
    ]
    assert world.events == [("push", "r.io/a:1")]
    assert f"r.io/a@{target.digest}" in world.records.images


async def test_without_a_tag_every_tag_of_the_repository_goes() -> None:
    world = World()
    await world.add("r.io/a:1", "r.io/a:2", "r.io/b:1", "r.io/a@sha256:" + "1" * 64)
    await push(world, "r.io/a", "")
    assert [source.name for source, _ in world.transfers.calls] == ["r.io/a:1", "r.io/a:2"]


async def test_a_tag_that_is_not_here_cannot_be_pushed() -> None:
    with pytest.raises(NotFound, match=r"^tag does not exist: r.io/a:1$"):
        await push(World(), "r.io/a", "1")
    with pytest.raises(NotFound, match=r"^An image does not exist locally with the tag: r.io/a$"):
        await push(World(), "r.io/a", "")


async def test_a_refusal_is_in_dockers_words() -> None:
    world = World()
    await world.add("r.io/a:1")
    world.transfers.fault = Unauthenticated("401")
    with pytest.raises(PermissionDenied, match="denied: requested access to the resource is denied"):
        await push(world, "r.io/a", "1")


async def test_an_index_of_which_all_is_here_goes_whole() -> None:
    world = World()
    made = many(world, "r.io/a:1", missing=False)
    lines = await push(world, "r.io/a", "1")
    ((source, _),) = world.transfers.calls
    assert (source.name, len(source.platforms)) == ("r.io/a:1", 0)
    assert lines[-1]["aux"]["Digest"] == made.index.digest


async def test_one_platform_goes_as_a_manifest_under_the_tag() -> None:
    world = World()
    made = many(world, "r.io/a:1")
    targets = []

    async def script(fake: Any, source: Any, destination: Any, progress: Any) -> None:
        targets.append(world.records.images[source.name].target.digest)
        assert source.name.startswith("moby-passing@")
        assert destination.reference == "r.io/a:1"
        assert len(await world.catalog.all()) == 1

    world.transfers.script = script
    lines = await push(world, "r.io/a", "1", Platform("linux", "arm64"))
    assert targets == [made.arm64.digest]
    assert lines[-1]["aux"]["Digest"] == made.arm64.digest
    assert list(world.records.images) == ["r.io/a:1"]


async def test_of_an_index_that_is_partly_here_the_hosts_manifest_goes() -> None:
    world = World()
    made = many(world, "r.io/a:1")
    lines = await push(world, "r.io/a", "1")
    note = next(line["aux"] for line in lines if "manifestPushedInsteadOfIndex" in line.get("aux", {}))
    assert note["originalIndex"]["digest"] == made.index.digest
    assert lines[-1]["aux"]["Digest"] == note["selectedManifest"]["digest"]


async def test_a_platform_that_is_not_here_cannot_be_pushed() -> None:
    world = World()
    many(world, "r.io/a:1")
    with pytest.raises(NotFound, match=r"does not provide the specified platform \(linux/riscv64\)"):
        await push(world, "r.io/a", "1", Platform("linux", "riscv64"))
