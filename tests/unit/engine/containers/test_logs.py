"""Reading a container's log."""

import json

import pytest

from engine.containers import logs
from engine.logs.json_file import Selection
from proto.errdefs import FailedPrecondition
from tests.fakes.engine_room import Bench


async def test_a_container_that_never_started_has_said_nothing(bench: Bench) -> None:
    live = await bench.create()
    assert [batch async for batch in logs.read(live, "/nowhere/log", Selection(), follow=False)] == []


async def test_following_a_container_that_has_ended_ends(bench: Bench) -> None:
    live = await bench.create()
    path = bench.paths.container(live.container.id).log
    with open(path, "w") as file:  # noqa: ASYNC230 (a test's own file)
        file.write(json.dumps({"log": "x\n", "stream": "stdout", "time": "2026-01-01T00:00:00Z"}) + "\n")
    live.container.log_path = path
    found = [[entry.data for entry in batch] async for batch in logs.read(live, path, Selection(), follow=True)]
    assert found == [[b"x\n"]]


async def test_a_driver_that_keeps_nothing_is_refused(bench: Bench) -> None:
    live = bench.add(log_driver="none")
    with pytest.raises(FailedPrecondition, match="does not support reading"):
        logs.require(live)
