"""The routes about images."""

import json
from collections.abc import AsyncIterator

import pytest

from engine.api.routes.images import routes
from tests.fakes.engine_api import Client, served
from tests.fakes.engine_images import World


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add("docker.io/library/a:latest", "gcr.io/team/x:1")
    return world


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    async with served(routes(world.images)) as made:
        yield made


async def test_a_list_may_be_filtered(client: Client) -> None:
    _, everything = await client.ask("GET", "/images/json")
    assert everything[0]["RepoTags"] == ["a:latest", "gcr.io/team/x:1"]
    _, some = await client.ask("GET", "/images/json", params={"filters": json.dumps({"reference": ["a"]})})
    assert some[0]["RepoTags"] == ["a:latest"]
    _, old = await client.ask("GET", "/images/json", "1.24", params={"filter": "a"})
    assert old[0]["RepoTags"] == ["a:latest"]
    status, answer = await client.ask("GET", "/images/json", params={"filters": json.dumps({"x": ["y"]})})
    assert (status, answer["message"]) == (400, "invalid filter 'x'")


async def test_names_may_have_slashes(client: Client) -> None:
    status, document = await client.ask("GET", "/images/gcr.io/team/x:1/json")
    assert (status, document["RepoTags"]) == (200, ["a:latest", "gcr.io/team/x:1"])
    status, steps = await client.ask("GET", "/images/gcr.io/team/x:1/history")
    assert (status, len(steps)) == (200, 1)


async def test_a_missing_image_is_a_404_in_dockers_words(client: Client) -> None:
    for method, path in (("GET", "/images/nope/json"), ("DELETE", "/images/nope"), ("POST", "/images/nope/tag?repo=b")):
        assert await client.ask(method, path) == (404, {"message": "No such image: nope:latest"})


async def test_a_tag_is_made_and_removed(client: Client) -> None:
    assert await client.ask("POST", "/images/a/tag?repo=b&tag=2") == (201, None)
    assert await client.ask("DELETE", "/images/b:2") == (200, [{"Untagged": "b:2"}])
    status, answer = await client.ask("POST", "/images/a/tag?repo=B")
    assert status == 400
    assert "must be lowercase" in answer["message"]


async def test_a_prune_tells_what_it_freed(client: Client) -> None:
    assert await client.ask("POST", "/images/prune") == (200, {"ImagesDeleted": None, "SpaceReclaimed": 0})


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/images/search?term=x", "Docker Hub"),
        ("DELETE", "/images/a?platforms=x", "platforms"),
        ("GET", "/images/a/attestations", "attestations"),
    ],
)
async def test_what_is_not_built_is_refused_by_its_name(client: Client, method: str, path: str, name: str) -> None:
    status, answer = await client.ask(method, path)
    assert status == 501
    assert name in answer["message"]


async def test_a_platform_is_understood_from_the_version_on_that_has_it(client: Client) -> None:
    path = '/images/a/json?platform={"os":"linux","architecture":"s390x"}'
    assert (await client.ask("GET", path))[0] == 404
    assert (await client.ask("GET", path, "1.48"))[0] == 200
