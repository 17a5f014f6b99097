"""Restarting."""

from engine.containers import restart
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
