"""What `docker rmi` may remove, and in which words it refuses."""

import pytest

from engine.images.model import PARENT_LABEL, Image
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


async def made_of_each_other(world: World) -> list[Image]:
    """Three images, the second made of the first and without a name, the third of the second."""
    first = await world.add(B, layers=(b"1",))
    second = await world.add("moby-dangling@sha256:" + "2" * 64, layers=(b"1", b"2"))
    third = await world.add(A, layers=(b"1", b"2", b"3"))
    for image, parent in ((second, first), (third, second)):
        world.records.images[image.names[0].record].labels[PARENT_LABEL] = parent.id
    return [first, second, third]


async def test_parents_without_a_name_go_too_unless_they_are_to_stay() -> None:
    """Up to one that has a name."""
    world = World()
    _, second, third = await made_of_each_other(world)
    removed = await world.images.remove("a")
    assert [entry["Deleted"] for entry in removed if "Deleted" in entry] == [
        third.id,
        third.manifest.chain_ids[2],
        second.id,
        second.manifest.chain_ids[1],
    ]
    assert list(world.records.images) == [B]
    world = World()
    _, second, _ = await made_of_each_other(world)
    assert len(await world.images.remove("a", parents=False)) == 3
    assert second.names[0].record in world.records.images


async def test_a_parent_stays_for_its_containers_and_its_other_children() -> None:
    for needed in ("container", "child"):
        world = World()
        _, second, _ = await made_of_each_other(world)
        if needed == "container":
            world.users.users = [ImageUser(USER, second.id, False)]
        else:
            child = await world.add("docker.io/library/c:latest", layers=(b"1", b"2", b"4"))
            world.records.images[child.names[0].record].labels[PARENT_LABEL] = second.id
        await world.images.remove("a")
        assert second.names[0].record in world.records.images
