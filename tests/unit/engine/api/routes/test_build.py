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


async def test_the_lines_are_streamed_and_the_body_is_the_context() -> None:
    builder = Builder({"stream": "a"}, {"aux": {"ID": "x"}})
    async with served(routes(builder)) as client:  # type: ignore[arg-type]
        status, data = await client.raw("POST", "/build?t=a&q=1", data=b"tar")
    assert (status, [json.loads(line) for line in data.splitlines()]) == (200, [{"stream": "a"}, {"aux": {"ID": "x"}}])
    assert builder.body == b"tar"
    assert builder.asked[0].quiet


async def test_a_failure_before_the_first_line_is_a_status() -> None:
    async with served(routes(Builder(InvalidArgument("no")))) as client:  # type: ignore[arg-type]
        assert await client.ask("POST", "/build", data=b"") == (400, {"message": "no"})
        status, document = await client.ask("POST", "/build?version=2", data=b"")
    assert status == 501
    assert "BuildKit" in document["message"]


async def test_a_later_failure_is_a_line_with_the_exit_code() -> None:
    builder = Builder({"stream": "a"}, CommandFailed("it failed", 7))
    async with served(routes(builder)) as client:  # type: ignore[arg-type]
        _, data = await client.raw("POST", "/build", data=b"")
    assert json.loads(data.splitlines()[1]) == {
        "errorDetail": {"code": 7, "message": "it failed"},
        "error": "it failed",
    }


async def test_pruning_takes_a_size_and_filters() -> None:
    async with served(routes(Builder())) as client:  # type: ignore[arg-type]
        assert (await client.ask("POST", "/build/prune?all=1&keep-storage=5"))[1]["SpaceReclaimed"] == 6
        _, document = await client.ask("POST", '/build/prune?filters={"until":["1h"]}')
        assert document["CachesDeleted"] == ["1h"]
        assert (await client.ask("POST", '/build/prune?filters={"colour":["red"]}'))[0] == 400
        _, document = await client.ask("POST", "/build/prune?max-used-space=5&min-free-space=30&reserved-space=200")
        assert document["SpaceReclaimed"] == 235
        assert (await client.ask("POST", "/build/prune?max-used-space=-5"))[0] == 400
        assert (await client.ask("POST", "/build/cancel?id=x"))[0] == 501
