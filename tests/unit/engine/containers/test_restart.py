"""Restarting."""

from typing import Any

import pytest

from engine.containers import restart
from engine.containers.store import ContainerStore
from proto.errdefs import InvalidArgument
from tests.fakes.engine_room import Bench


async def test_a_running_container_is_stopped_and_started(bench: Bench) -> None:
    live = await bench.run(HostConfig={"NetworkMode": "none", "AutoRemove": True})
    first = live.container.state.pid
    await restart.restart(bench.room, live)
    assert live.container.state.status == "running"
    assert live.container.state.pid != first
    assert live.container.auto_remove
    assert bench.actions[-3:] == ["die", "start", "restart"]


async def test_a_stopped_one_is_just_started(bench: Bench) -> None:
    live = await bench.create()
    await restart.restart(bench.room, live)
    assert live.container.state.status == "running"


async def test_a_paused_container_is_restarted(bench: Bench) -> None:
    """It is thawed to be stopped."""
    live = await bench.run()
    live.container.state.status = "paused"
    await restart.restart(bench.room, live, timeout=0)
    assert live.container.state.status == "running"


async def test_a_restart_that_cannot_stop_changes_nothing(bench: Bench) -> None:
    """--rm is still what it was."""
    live = await bench.run(HostConfig={"NetworkMode": "none", "AutoRemove": True})
    with pytest.raises(InvalidArgument):
        await restart.restart(bench.room, live, name="FOO")
    assert live.container.auto_remove
    assert live.container.state.status == "running"


async def test_a_container_that_waits_to_come_back_comes_back_now(bench: Bench) -> None:
    """Once."""
    live = await bench.run(HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "always"}})
    bench.tasks.end(live.container.id, 1)
    await bench.settled(live)
    await restart.restart(bench.room, live)
    assert live.container.state.status == "running"
    assert len(bench.tasks.tasks) == 1
    assert live.restart is None


async def test_an_engine_that_dies_in_a_restart_still_knows_of_rm(bench: Bench) -> None:
    """The record says so at every moment."""
    live = await bench.run(HostConfig={"NetworkMode": "none", "AutoRemove": True})
    seen: list[bool] = []
    before = bench.tasks.kill

    async def look(container_id: str, signal: int, **more: Any) -> None:
        seen.append(ContainerStore(bench.connection).load()[0].auto_remove)
        await before(container_id, signal, **more)

    bench.tasks.kill = look  # type: ignore[method-assign]
    await restart.restart(bench.room, live)
    assert seen == [True]
