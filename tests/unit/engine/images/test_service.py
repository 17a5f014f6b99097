"""The verbs together, as routes call them."""

import pytest

from engine.filters import Filters
from engine.images.reference import parse
from engine.images.removal import ImageUser
from engine.images.service import with_tag
from proto.errdefs import InvalidArgument
from tests.fakes.engine_images import World

NEWEST = (1, 51)


async def test_the_newest_image_is_listed_first_with_its_users() -> None:
    world = World()
    old = await world.add("docker.io/library/a:1", created="2020-01-01T00:00:00Z")
    await world.add("docker.io/library/b:1", layers=(b"b",), created="2021-01-01T00:00:00Z")
    world.users.users = [ImageUser("c" * 64, old.id, True)]
    listed = await world.images.summaries(Filters(), NEWEST, shared_size=True, counted=True)
    assert [(entry["RepoTags"], entry["Containers"], entry["SharedSize"]) for entry in listed] == [
        (["b:1"], 0, 0),
        (["a:1"], 1, 0),
    ]
    assert (await world.images.summaries(Filters(), NEWEST))[0]["Containers"] == -1


async def test_the_room_that_images_take_counts_a_layer_once() -> None:
    world = World()
    await world.add("docker.io/library/a:1", layers=(b"x", b"a"))
    await world.add("docker.io/library/b:1", layers=(b"x", b"b"))
    documents, total = await world.images.disk_usage(NEWEST)
    assert await world.images.count() == 2
    assert [(one["Size"], one["SharedSize"], one["Containers"]) for one in documents] == [(200, 100, 0)] * 2
    assert total == 300


async def test_an_image_is_inspected_by_any_of_its_names() -> None:
    world = World()
    image = await world.add("docker.io/library/a:latest")
    document = await world.images.inspect("a", NEWEST)
    assert (document["Id"], document["Size"]) == (image.id, 400)
    assert (await world.images.history(image.short_id))[0]["Tags"] == ["a:latest"]
    assert (await world.images.resolve_quickly("a")).id == (await world.images.resolve("a")).id


async def test_a_tag_is_one_more_name() -> None:
    world = World()
    image = await world.add("docker.io/library/a:latest")
    await world.images.tag("a", parse("b"))
    assert (await world.catalog.resolve("b:latest")).id == image.id
    assert world.events == [("tag", image.id)]


@pytest.mark.parametrize("text", ["sha256", "sha256:1", "a@sha256:" + "1" * 64])
async def test_names_that_would_mislead_are_refused(text: str) -> None:
    world = World()
    await world.add("docker.io/library/a:latest")
    with pytest.raises(InvalidArgument):
        await world.images.tag("a", parse(text))


def test_what_is_sent_beside_a_repository_may_be_a_tag_or_a_digest() -> None:
    digest = "sha256:" + "1" * 64
    assert str(with_tag(parse("a"), "1")) == "docker.io/library/a:1"
    assert str(with_tag(parse("a"), digest)) == f"docker.io/library/a@{digest}"
    assert str(with_tag(parse("a:2"), "")) == "docker.io/library/a:2"


async def test_manifests_are_told_of_where_they_are_asked_for() -> None:
    world = World()
    image = await world.add("docker.io/library/a:1", layers=(b"a", b"b"))
    world.users.users = [ImageUser("c" * 64, image.id, True)]
    [entry] = (await world.images.inspect("a:1", NEWEST, manifests=True))["Manifests"]
    assert entry["ID"] == image.manifest.digest == entry["Descriptor"]["digest"]
    assert (entry["Kind"], entry["Available"]) == ("image", True)
    assert entry["ImageData"]["Containers"] == ["c" * 64]
    assert entry["ImageData"]["Size"] == {"Unpacked": 200}
    assert entry["Size"]["Total"] == entry["Size"]["Content"] + 200
    assert "Manifests" not in await world.images.inspect("a:1", NEWEST)
    assert (await world.images.summaries(Filters(), NEWEST, manifests=True))[0]["Manifests"] == [entry]


async def test_an_inspection_is_of_the_name_that_was_asked_for() -> None:
    world = World()
    image = await world.add("docker.io/library/a:1")
    index = world.add_index((image.names[0].target, ("linux", "amd64")))
    world.name("docker.io/library/b:1", index)
    shown = [(await world.images.inspect(name, NEWEST))["Descriptor"]["digest"] for name in ("a:1", "b:1")]
    assert shown == [image.names[0].target.digest, index.digest]
    for text in (image.id, image.id.removeprefix("sha256:"), image.short_id):
        assert (await world.images.inspect(text, NEWEST))["Id"] == image.id
