"""Sizes."""

import pytest

from engine.containers import resize
from proto.errdefs import Conflict
from tests.fakes.engine_room import Bench


async def test_the_task_is_told(bench: Bench) -> None:
    live = await bench.run()
    await resize.resize(bench.room, live, 24, 80)
    assert ("resize", live.container.id, 80, 24) in bench.tasks.calls
    assert bench.actions[-1] == "resize"


async def test_what_does_not_run_has_no_size(bench: Bench) -> None:
    live = await bench.create()
    with pytest.raises(Conflict, match="is not running"):
        await resize.resize(bench.room, live, 1, 1)


async def test_an_exec_that_never_starts_is_not_waited_for_for_ever(bench: Bench) -> None:
    live = await bench.run()
    made = bench.room.execs.create(live, {"Cmd": ["true"]})
    with pytest.raises(Conflict, match="timeout waiting for exec"):
        await resize.resize_exec(bench.room, made, 1, 1, patience=0.01)
