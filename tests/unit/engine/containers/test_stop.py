"""Stopping."""

import asyncio

import pytest

from engine.containers import stop
from proto.errdefs import Fault, InvalidArgument, NotFound, NotModified
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


async def test_the_containers_own_time_holds_unless_the_client_gives_one(bench: Bench) -> None:
    """StopTimeout 0 kills at once."""
    live = await bench.run(StopTimeout=0)
    bench.tasks.dies_of = {9}
    async with asyncio.timeout(3):
        await stop.stop(bench.room, live)
    assert [call[2] for call in bench.tasks.calls if call[0] == "kill"] == [15, 9]


async def test_the_clients_signal_goes_before_the_containers(bench: Bench) -> None:
    """By any of its names."""
    live = await bench.run(StopSignal="SIGUSR1")
    bench.tasks.dies_of = {1}
    await stop.stop(bench.room, live, name="SIGHUP")
    assert live.container.state.exit_code == 129


async def test_a_paused_container_is_thawed_to_hear_its_signal(bench: Bench) -> None:
    """Else it would be killed after its time."""
    live = await bench.run()
    bench.tasks.dies_of = {9}
    live.container.state.status = "paused"
    await stop.stop(bench.room, live, timeout=0)
    assert ("resume", live.container.id) in bench.tasks.calls
    assert live.container.state.status == "exited"


async def test_a_second_thaw_is_no_failure(bench: Bench) -> None:
    """The one before the first signal has been enough, and the runtime says so at the second."""
    live = await bench.run()
    bench.tasks.dies_of = {9}
    live.container.state.status = "paused"
    thawed: list[str] = []

    async def resume(container_id: str) -> None:
        thawed.append(container_id)
        if len(thawed) > 1:
            raise Fault("cannot resume a running process")

    bench.tasks.resume = resume  # type: ignore[method-assign]
    await stop.stop(bench.room, live, timeout=0)
    assert live.container.state.status == "exited"
    assert len(thawed) == 2


async def test_one_that_ends_by_itself_meanwhile_is_stopped(bench: Bench) -> None:
    """The signal finds nobody, and that is no failure."""
    live = await bench.run()

    async def gone(*_: object, **__: object) -> None:
        bench.tasks.end(live.container.id, 0)
        raise NotFound("process already finished")

    bench.tasks.kill = gone  # type: ignore[method-assign]
    await stop.stop(bench.room, live)
    assert (live.container.state.status, live.container.state.exit_code) == ("exited", 0)


async def test_after_a_stop_everything_is_let_go(bench: Bench) -> None:
    """The next start finds the network free."""
    live = await bench.run()
    await stop.stop(bench.room, live)
    assert not bench.networks.held
    assert not bench.records.records
    assert not bench.tasks.tasks


async def test_two_stops_at_once_are_both_content(bench: Bench) -> None:
    """Neither waits for what has happened."""
    live = await bench.run()
    async with asyncio.timeout(5):
        results = await asyncio.gather(*(stop.stop(bench.room, live) for _ in range(5)), return_exceptions=True)
    assert all(result is None or isinstance(result, NotModified) for result in results), results


async def test_a_stopped_container_stays_down_whatever_its_policy(bench: Bench) -> None:
    """Until somebody starts it."""
    live = await bench.run(HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "always"}})
    await stop.stop(bench.room, live)
    assert (live.container.state.status, live.restart) == ("exited", None)


async def test_an_unknown_signal_stops_nothing(bench: Bench) -> None:
    """Nor marks it as stopped."""
    live = await bench.run()
    with pytest.raises(InvalidArgument, match="invalid signal: FOO"):
        await stop.stop(bench.room, live, name="FOO")
    assert not live.container.manually_stopped
