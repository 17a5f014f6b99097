"""Stopping."""

import pytest

from engine.containers import stop
from proto.errdefs import NotModified
from tests.fakes.engine_room import Bench


async def test_the_stop_signal_comes_first(bench: Bench) -> None:
    live = await bench.run(StopSignal="SIGUSR1")
    bench.tasks.dies_of = {10}
    await stop.stop(bench.room, live)
    assert [call[2] for call in bench.tasks.calls if call[0] == "kill"] == [10]
    assert live.container.state.exit_code == 138
    assert live.container.manually_stopped
    assert bench.actions[-1] == "stop"


async def test_what_does_not_listen_is_killed_when_its_time_is_up(bench: Bench) -> None:
    live = await bench.run()
    bench.tasks.dies_of = {9}
    await stop.stop(bench.room, live, timeout=0)
    assert live.container.state.exit_code == 137


async def test_a_stopped_container_is_not_modified(bench: Bench) -> None:
    live = await bench.create()
    with pytest.raises(NotModified):
        await stop.stop(bench.room, live)


async def test_a_container_that_waits_to_be_restarted_just_stays_down(bench: Bench) -> None:
    live = await bench.run(HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "always"}})
    bench.tasks.end(live.container.id, 1)
    await bench.settled(live)
    await stop.stop(bench.room, live)
    assert live.container.state.status == "exited"
    assert live.restart is None
