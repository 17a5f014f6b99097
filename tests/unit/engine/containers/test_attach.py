"""Attaching before and after the start."""

import asyncio

import pytest

from engine.containers import attach, start
from proto.errdefs import Conflict
from tests.fakes.engine_room import Bench


async def test_who_attaches_before_the_start_is_joined_by_it(bench: Bench) -> None:
    live = await bench.create()
    joining = asyncio.ensure_future(attach.join(live, stdin=True, stdout=True, stderr=True))
    await asyncio.sleep(0)
    await start.start(bench.room, live)
    attachment = await joining
    assert attachment is not None
    assert live.attachers == []


async def test_who_leaves_before_is_forgotten(bench: Bench) -> None:
    live = await bench.create()
    joining = asyncio.ensure_future(attach.join(live, stdin=False, stdout=True, stderr=True))
    await asyncio.sleep(0)
    joining.cancel()
    await asyncio.gather(joining, return_exceptions=True)
    assert live.attachers == []


async def test_a_running_container_is_joined_at_once_and_a_paused_one_refused(bench: Bench) -> None:
    live = await bench.run()
    assert await attach.join(live, stdin=False, stdout=True, stderr=False) is not None
    live.container.state.status = "paused"
    with pytest.raises(Conflict, match="unpause the container before attach"):
        attach.require(live)
    live.container.state.status = "running"
