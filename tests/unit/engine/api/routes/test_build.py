"""`POST /build` at the edge: what is a status, and what a line of the stream."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import astuple
from typing import Any

from engine.api.routes.build import routes
from engine.builder.pruning import Prune
from engine.builder.request import Request
from engine.builder.run import CommandFailed
from proto.errdefs import InvalidArgument
from tests.fakes.engine_api import served


class Builder:
    """Says what it is told to say."""

    def __init__(self, *lines: dict[str, Any] | Exception) -> None:
        self.lines = lines
        self.asked: list[Request] = []
        self.body = b""

    async def build(self, request: Request, chunks: AsyncIterator[bytes]) -> AsyncGenerator[dict[str, Any], None]:
        """As the real one."""
        self.asked.append(request)
        self.body = b"".join([chunk async for chunk in chunks])
        for line in self.lines:
            if isinstance(line, Exception):
                raise line
            yield line

    async def prune(self, asked: Prune) -> dict[str, Any]:
        """As the real one."""
        return {
            "CachesDeleted": asked.filters.get("until"),
            "SpaceReclaimed": sum(astuple(asked.limits)) + asked.everything,
        }


class Door:
    """BuildKit's, that only notes who came."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.asked: list[Any] = []

    async def lines(
        self, asked: Request, build: str, outputs: str, body: AsyncIterator[bytes]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """As the real one."""
        self.asked.append((asked.session, build, outputs))
        if self.failure is not None:
            raise self.failure
        yield {"id": "moby.image.id"}

    async def upload(self, build: str, body: AsyncIterator[bytes]) -> None:
        """As the real one."""
        self.asked.append((build, b"".join([piece async for piece in body])))

    def cancel(self, build: str) -> None:
        """As the real one."""
        self.asked.append(build)


async def test_the_lines_are_streamed_and_the_body_is_the_context() -> None:
    builder = Builder({"stream": "a"}, {"aux": {"ID": "x"}})
    async with served(routes(builder, Door())) as client:  # type: ignore[arg-type]
        status, data = await client.raw("POST", "/build?t=a&q=1", data=b"tar")
    assert (status, [json.loads(line) for line in data.splitlines()]) == (200, [{"stream": "a"}, {"aux": {"ID": "x"}}])
    assert builder.body == b"tar"
    assert builder.asked[0].quiet


async def test_a_failure_before_the_first_line_is_a_status() -> None:
    async with served(routes(Builder(InvalidArgument("no")), Door())) as client:  # type: ignore[arg-type]
        assert await client.ask("POST", "/build", data=b"") == (400, {"message": "no"})
        status, document = await client.ask("POST", "/build?version=3", data=b"")
    assert (status, document) == (400, {"message": 'invalid version "3"'})


async def test_buildkits_way_of_asking_goes_to_another_door() -> None:
    door = Door()
    async with served(routes(Builder(), door)) as client:  # type: ignore[arg-type]
        _, data = await client.raw("POST", "/build?version=2&session=s&buildid=b&outputs=[]&remote=client-session")
        assert json.loads(data) == {"id": "moby.image.id"}
        assert (await client.ask("POST", "/build?version=2&buildid=upload-request:b", data=b"tar"))[0] == 200
        assert (await client.ask("POST", "/build/cancel?id=b"))[0] == 200
        assert (await client.ask("POST", "/build/cancel"))[0] == 400
    assert door.asked == [("s", "b", "[]"), ("b", b"tar"), "b"]


async def test_the_answers_head_goes_before_the_first_line_so_that_the_session_can_begin() -> None:
    door = Door(InvalidArgument("no"))
    async with served(routes(Builder(), door)) as client:  # type: ignore[arg-type]
        status, data = await client.raw("POST", "/build?version=2&session=s")
    assert (status, json.loads(data)["error"]) == (200, "no")


async def test_a_later_failure_is_a_line_with_the_exit_code() -> None:
    builder = Builder({"stream": "a"}, CommandFailed("it failed", 7))
    async with served(routes(builder, Door())) as client:  # type: ignore[arg-type]
        _, data = await client.raw("POST", "/build", data=b"")
    assert json.loads(data.splitlines()[1]) == {
        "errorDetail": {"code": 7, "message": "it failed"},
        "error": "it failed",
    }


async def test_pruning_takes_a_size_and_filters() -> None:
    async with served(routes(Builder(), Door())) as client:  # type: ignore[arg-type]
        assert (await client.ask("POST", "/build/prune?all=1&keep-storage=5"))[1]["SpaceReclaimed"] == 6
        _, document = await client.ask("POST", '/build/prune?filters={"until":["1h"]}')
        assert document["CachesDeleted"] == ["1h"]
        assert (await client.ask("POST", '/build/prune?filters={"colour":["red"]}'))[0] == 400
        _, document = await client.ask("POST", "/build/prune?max-used-space=5&min-free-space=30&reserved-space=200")
        assert document["SpaceReclaimed"] == 235
        assert (await client.ask("POST", "/build/prune?max-used-space=-5"))[0] == 400
