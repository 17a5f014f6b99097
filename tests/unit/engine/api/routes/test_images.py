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


async def test_what_is_not_built_is_refused_by_its_name(client: Client) -> None:
    status, answer = await client.ask("GET", "/images/search?term=x")
    assert status == 501
    assert "Docker Hub" in answer["message"]


async def test_attestations_are_there_since_1_55_and_of_one_platform(client: Client) -> None:
    path = "/images/a/attestations"
    assert await client.ask("GET", path, "1.54") == (404, {"message": "page not found"})
    assert await client.ask("GET", path, "1.55") == (200, [])
    status, answer = await client.ask("GET", f"{path}?platform=linux/amd64&platform=linux/arm64", "1.55")
    assert (status, answer["message"]) == (400, "only one platform value is currently supported")


async def test_a_single_platform_is_removed_by_force_alone(client: Client) -> None:
    path = "/images/a?platforms=linux/amd64"
    status, answer = await client.ask("DELETE", path)
    assert status == 400
    assert "Use --force to force delete" in answer["message"]
    status, answer = await client.ask("DELETE", f"{path}&force=1")
    assert (status, list(answer[0])) == (200, ["Deleted"])
    assert (await client.ask("GET", "/images/a/json"))[0] == 404


async def test_manifests_and_a_platform_are_not_asked_for_together(client: Client) -> None:
    status, answer = await client.ask("GET", "/images/a/json?manifests=1&platform=linux/amd64")
    assert status == 400
    assert answer["message"].startswith("conflicting options")


async def test_a_platform_is_understood_from_the_version_on_that_has_it(client: Client) -> None:
    path = '/images/a/json?platform={"os":"linux","architecture":"s390x"}'
    assert (await client.ask("GET", path))[0] == 404
    assert (await client.ask("GET", path, "1.48"))[0] == 200
