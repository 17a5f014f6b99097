"""The routes that move images."""

import io
import json
import tarfile
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.api.routes.image_transfer import _with_bar, routes
from proto import anys
from proto.containerd.types.transfer import streaming_pb2
from proto.errdefs import DataLoss, NotFound
from tests.fakes.engine_api import Client, served
from tests.fakes.engine_images import FakeStream, World
from tests.fakes.web import at_home


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    async with served(routes(world.images)) as made:
        yield made


def lines(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


async def test_a_pull_that_fails_at_once_has_a_status_of_its_own(client: Client, world: World) -> None:
    world.transfers.fault = NotFound("not found")
    status, answer = await client.ask("POST", "/images/create?fromImage=a&tag=1")
    assert (status, answer["message"]) == (404, "manifest for a:1 not found: manifest unknown: manifest unknown")


async def test_a_pull_streams_lines(client: Client, world: World) -> None:
    target = world.add_blobs(b"x")

    async def script(fake: Any, source: Any, destination: Any, progress: FakeStream) -> None:
        world.name(destination.name, target)

    world.transfers.script = script
    status, data = await client.raw("POST", "/images/create?fromImage=a&tag=1")
    assert status == 200
    assert [line["status"] for line in lines(data)][-1] == "Status: Downloaded newer image for a:1"


async def test_an_import_answers_with_the_new_images_id(client: Client, world: World) -> None:
    status, answer = await client.ask("POST", "/images/create?fromSrc=-&repo=new&tag=1&changes=CMD+run", data=b"tar")
    image = await world.catalog.resolve("new:1")
    assert (status, answer) == (200, {"status": image.id})
    assert image.container_config == {"Cmd": ["/bin/sh", "-c", "run"]}


async def test_an_import_with_a_name_that_is_none_is_refused(client: Client) -> None:
    status, _ = await client.ask("POST", "/images/create?fromSrc=-&repo=A")
    assert status == 400


async def test_an_import_from_an_address_tells_how_far_it_is(client: Client, world: World) -> None:
    async with at_home({"/x.tar": b"tar"}) as base:
        status, data = await client.raw("POST", f"/images/create?fromSrc={base}/x.tar&repo=new")
    first, *middle, last = lines(data)
    assert (status, first) == (200, {"status": f"Downloading from http://{base}/x.tar"})
    assert {line["status"] for line in middle} == {"Importing"}
    assert middle[-1]["progressDetail"] == {"current": 3, "total": 3}
    image = await world.catalog.resolve("new")
    assert last == {"status": image.id}
    assert image.config["history"][-1]["comment"] == f"Imported from {base}/x.tar"


async def test_an_address_with_nothing_behind_is_told_before_anything_else(client: Client) -> None:
    async with at_home({}) as base:
        status, answer = await client.ask("POST", f"/images/create?fromSrc={base}/x.tar")
    assert status == 404
    assert answer["message"].startswith(f"failed to GET http://{base}/x.tar with status 404 Not Found")
    status, answer = await client.ask("POST", "/images/create?fromSrc=file:///etc/passwd")
    assert (status, answer["message"]) == (400, 'Get "file:///etc/passwd": unsupported protocol scheme "file"')


async def test_a_load_answers_200_and_tells_the_failure_in_its_last_line(client: Client, world: World) -> None:
    async def script(fake: Any, source: Any, destination: Any, progress: FakeStream) -> None:
        stream = fake.streams[source.stream]
        stream.incoming.put_nowait(anys.pack(streaming_pb2.WindowUpdate(update=100)))
        await stream.finished.wait()
        stream.incoming.put_nowait(None)

    world.transfers.script = script
    world.transfers.fault = DataLoss("unexpected EOF")
    status, data = await client.raw("POST", "/images/load", data=b"tar")
    assert status == 200
    assert lines(data) == [{"errorDetail": {"message": "unexpected EOF"}, "error": "unexpected EOF"}]


async def test_a_save_is_a_tar_or_a_404(client: Client, world: World) -> None:
    await world.add("docker.io/library/a:latest")
    status, data = await client.raw("GET", "/images/a/get")
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert (status, "manifest.json" in tar.getnames()) == (200, True)
    assert (await client.raw("GET", "/images/get?names=a&names=a:latest"))[0] == 200
    assert (await client.raw("GET", "/images/nope/get"))[0] == 404


async def test_several_platforms_are_refused(client: Client, world: World) -> None:
    await world.add("docker.io/library/a:latest")
    platform = '{"os":"linux","architecture":"amd64"}'
    status, answer = await client.ask("GET", f"/images/a/get?platform={platform}&platform={platform}")
    assert status == 400
    assert "multiple platform parameters" in answer["message"]


async def test_a_push_of_what_is_not_here_is_a_404(client: Client) -> None:
    assert await client.ask("POST", "/images/r.io/a/push?tag=1") == (404, {"message": "tag does not exist: r.io/a:1"})


def test_older_clients_get_a_drawn_bar() -> None:
    line = {"status": "Downloading", "progressDetail": {"current": 500, "total": 1000}, "id": "x"}
    assert _with_bar(line)["progress"].startswith("[=========================>")
    assert _with_bar(line)["progress"].endswith("500B/1kB")
    done = {"progressDetail": {"current": 1500, "total": 1500}}
    assert _with_bar(done)["progress"] == f"[{'=' * 50}]    1.5kB/1.5kB"
    assert _with_bar({"status": "x", "progressDetail": {}}) == {"status": "x", "progressDetail": {}}
