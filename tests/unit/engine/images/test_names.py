"""No image is lost when its last name moves."""

from engine.images.reference import parse
from tests.fakes.engine_images import World

NAME = "docker.io/library/a:latest"


async def test_a_name_that_moves_leaves_a_dangling_image() -> None:
    world = World()
    old = await world.add(NAME)
    new = await world.add("docker.io/library/b:latest", layers=(b"new",))
    await world.names.tag(new.names[0].target, parse("a:latest"))
    assert (await world.catalog.resolve("a")).id == new.id
    kept = await world.catalog.resolve(old.id)
    assert kept.tags == []
    assert old.names[0].target.digest in world.leases.held
    assert world.leases.open == 0


async def test_an_image_with_another_name_needs_no_dangling_record() -> None:
    world = World()
    await world.add(NAME, "docker.io/library/also:latest")
    new = await world.add("docker.io/library/b:latest", layers=(b"new",))
    await world.names.tag(new.names[0].target, parse("a:latest"))
    assert not any(record.startswith("moby-dangling") for record in world.records.images)


async def test_naming_a_dangling_image_ends_its_dangling() -> None:
    world = World()
    target = world.add_blobs(b"x")
    world.name(f"moby-dangling@{target.digest}", target)
    await world.names.tag(target, parse("a:latest"))
    assert list(world.records.images) == [NAME]


async def test_naming_it_twice_changes_nothing() -> None:
    world = World()
    image = await world.add(NAME)
    await world.names.tag(image.names[0].target, parse("a:latest"))
    assert list(world.records.images) == [NAME]
    assert world.leases.held == []


async def test_dropping_what_is_gone_is_no_error() -> None:
    await World().names.drop("nope")


async def test_a_record_of_a_transfer_is_no_image_and_ends_with_it() -> None:
    world = World()
    target = world.add_blobs(b"x")
    async with world.names.passing(target) as record:
        assert world.records.images[record].target.digest == target.digest
        assert await world.catalog.all() == []
    assert world.records.images == {}


async def test_what_an_engine_before_left_of_its_transfers_is_swept() -> None:
    world = World()
    await world.add(NAME)
    world.name("moby-passing@1", world.add_blobs(b"x"))
    await world.images.sweep()
    assert list(world.records.images) == [NAME]
