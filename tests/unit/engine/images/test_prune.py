"""Pruning removes what nobody uses."""

import pytest

from engine.filters import Filters
from engine.images.removal import ImageUser
from proto.errdefs import Conflict, InvalidArgument
from tests.fakes.engine_images import World


async def test_only_dangling_images_go_by_default() -> None:
    world = World()
    await world.add("docker.io/library/a:latest")
    dangling = await world.add("moby-dangling@sha256:" + "1" * 64, layers=(b"dangling",))
    answer = await world.images.prune(Filters())
    assert answer["ImagesDeleted"][0] == {"Deleted": dangling.id}
    assert answer["SpaceReclaimed"] == 800
    assert len(world.records.images) == 1


async def test_with_dangling_false_every_unused_image_goes() -> None:
    world = World()
    used = await world.add("docker.io/library/a:latest")
    await world.add("docker.io/library/b:latest", "docker.io/library/c:latest", layers=(b"b",))
    world.users.users = [ImageUser("c" * 64, used.id, False)]
    await world.images.prune(Filters({"dangling": ["false"]}))
    assert list(world.records.images) == ["docker.io/library/a:latest"]


async def test_nothing_to_prune_is_null_as_dockerd_says_it() -> None:
    assert await World().images.prune(Filters()) == {"ImagesDeleted": None, "SpaceReclaimed": 0}


async def test_two_until_filters_are_one_too_many() -> None:
    with pytest.raises(InvalidArgument, match="more than one until filter"):
        await World().images.prune(Filters({"until": ["1h", "2h"]}))


async def test_a_second_prune_waits_for_nobody() -> None:
    world = World()
    pruner = world.images._pruner
    pruner._running = True
    with pytest.raises(Conflict, match="a prune operation is already running"):
        await pruner.prune(Filters())


async def test_a_dry_run_says_what_a_prune_then_does() -> None:
    world = World()
    used = await world.add("docker.io/library/a:latest")
    gone = await world.add("docker.io/library/b:latest", layers=(b"b",))
    world.users.users = [ImageUser("c" * 64, used.id, False)]
    said = await world.images.prune(Filters({"dangling": ["false"]}), dry_run=True)
    assert {"Untagged": "b:latest"} in said["ImagesDeleted"]
    assert {"Deleted": gone.id} in said["ImagesDeleted"]
    assert len(world.records.images) == 2
    done = await world.images.prune(Filters({"dangling": ["false"]}))
    assert said["SpaceReclaimed"] == done["SpaceReclaimed"]
    assert len(world.records.images) == 1
