"""What `docker rmi` may remove, and in which words it refuses."""

import pytest

from engine.images.removal import ImageUser, plan_removal
from proto.errdefs import Conflict, NotFound
from tests.fakes.engine_images import World

A = "docker.io/library/a:latest"
B = "docker.io/library/b:latest"
A_DIGEST = "docker.io/library/a@sha256:" + "d" * 64
USER = "c" * 64


async def test_the_last_name_takes_the_image_along() -> None:
    world = World()
    image = await world.add(A, layers=(b"1", b"2"))
    removed = await world.images.remove("a")
    chain = image.manifest.chain_ids
    assert removed == [
        {"Untagged": "a:latest"},
        {"Deleted": image.id},
        {"Deleted": chain[1]},
        {"Deleted": chain[0]},
    ]
    assert world.records.images == {}
    assert world.records.synced == [A]
    assert world.events == [("untag", image.id), ("delete", image.id)]


async def test_one_name_of_two_is_only_untagged() -> None:
    world = World()
    await world.add(A, B)
    assert await world.images.remove("a") == [{"Untagged": "a:latest"}]
    assert list(world.records.images) == [B]


async def test_the_last_tag_takes_the_repositorys_digests_along() -> None:
    world = World()
    image = await world.add(A, A_DIGEST, B)
    assert await world.images.remove("a") == [{"Untagged": "a:latest"}, {"Untagged": "a@sha256:" + "d" * 64}]
    assert (await world.images.remove(image.id))[0] == {"Untagged": "b:latest"}


async def test_an_id_takes_tag_and_digest_of_one_repository() -> None:
    world = World()
    image = await world.add(A, A_DIGEST)
    removed = await world.images.remove(image.short_id)
    assert [next(iter(entry)) for entry in removed] == ["Untagged", "Untagged", "Deleted", "Deleted"]


async def test_layers_that_others_have_stay() -> None:
    world = World()
    await world.add(A, layers=(b"base", b"a"))
    other = await world.add(B, layers=(b"base", b"b"))
    removed = await world.images.remove("a")
    assert {"Deleted": other.manifest.chain_ids[0]} not in removed
    assert len(removed) == 3


async def test_an_id_with_names_in_several_repositories_must_be_forced() -> None:
    world = World()
    image = await world.add(A, B)
    with pytest.raises(Conflict) as refused:
        await world.images.remove(image.id)
    assert str(refused.value) == (
        f"conflict: unable to delete {image.short_id} (must be forced) - image is referenced in multiple repositories"
    )
    assert len(await world.images.remove(image.id, force=True)) == 4


@pytest.mark.parametrize("running", [True, False])
async def test_a_name_that_a_container_uses_must_be_forced(running: bool) -> None:
    world = World()
    image = await world.add(A)
    world.users.users = [ImageUser(USER, image.id, running)]
    with pytest.raises(Conflict) as refused:
        await world.images.remove("a")
    assert str(refused.value) == (
        f'conflict: unable to remove repository reference "a" (must force) - container {"c" * 12} is using its '
        f"referenced image {image.short_id}"
    )


async def test_by_force_a_running_containers_image_only_loses_its_name() -> None:
    world = World()
    image = await world.add(A)
    world.users.users = [ImageUser(USER, image.id, True)]
    assert await world.images.remove("a", force=True) == [{"Untagged": "a:latest"}]
    assert (await world.catalog.resolve(image.id)).tags == []
    with pytest.raises(Conflict) as refused:
        await world.images.remove(image.id, force=True)
    assert str(refused.value) == (
        f"conflict: unable to delete {image.short_id} (cannot be forced) - "
        f"image is being used by running container {'c' * 12}"
    )


async def test_by_force_a_stopped_containers_image_goes_but_not_its_layers() -> None:
    world = World()
    image = await world.add(A)
    world.users.users = [ImageUser(USER, image.id, False)]
    with pytest.raises(Conflict, match="image is being used by stopped container"):
        await world.images.remove(image.id)
    assert await world.images.remove(image.id, force=True) == [{"Untagged": "a:latest"}, {"Deleted": image.id}]


async def test_a_dangling_image_goes_by_its_id() -> None:
    world = World()
    image = await world.add("moby-dangling@sha256:" + "1" * 64)
    assert (await world.images.remove(image.short_id))[0] == {"Deleted": image.id}
    assert world.records.images == {}


async def test_what_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(NotFound, match="No such image: nope:latest"):
        await World().images.remove("nope")


async def test_a_plan_touches_nothing() -> None:
    world = World()
    image = await world.add(A)
    plan = plan_removal(image, "a", [], force=False)
    assert plan.delete
    assert [name.record for name in plan.untag] == [A]
    assert list(world.records.images) == [A]
