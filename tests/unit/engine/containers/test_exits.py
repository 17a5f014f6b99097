"""What an exit sets in motion."""

import asyncio

from engine.containers import wait
from proto.containerd.types import event_pb2
from tests.fakes.engine_room import Bench


async def test_an_exit_is_in_the_state_and_nothing_of_the_task_stays(bench: Bench) -> None:
    live = await bench.run()
    bench.tasks.end(live.container.id, 7)
    await bench.settled(live)
    state = live.container.state
    assert (state.status, state.exit_code, state.pid) == ("exited", 7, 0)
    assert not bench.tasks.tasks
    assert not bench.records.records
    assert not bench.networks.held
    assert bench.actions[-1] == "die"


async def test_a_told_exit_is_not_told_twice(bench: Bench) -> None:
    live = await bench.run()
    bench.tasks.end(live.container.id, 7)
    bench.tasks.end(live.container.id, 8)
    await bench.settled(live)
    await asyncio.sleep(0)
    assert live.container.state.exit_code == 7
    assert bench.actions.count("die") == 1


async def test_rm_removes_after_the_exit_and_then_wakes_who_waits_for_that(bench: Bench) -> None:
    live = await bench.create(HostConfig={"NetworkMode": "none", "AutoRemove": True})
    result = wait.begin(live, "removed")
    from engine.containers import start

    await start.start(bench.room, live)
    bench.tasks.end(live.container.id, 3)
    async with asyncio.timeout(5):
        ended = await result
    assert ended.exit_code == 3
    assert bench.room.registry.get(live.container.id) is None


async def test_a_policy_brings_a_container_back(bench: Bench) -> None:
    host_config = {"NetworkMode": "none", "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 1}}
    live = await bench.run(HostConfig=host_config)
    bench.tasks.end(live.container.id, 1)
    await bench.settled(live)
    assert live.container.state.status == "restarting"
    assert live.restart is not None
    await live.restart
    assert (live.container.state.status, live.container.restart_count) == ("running", 1)
    live.exited.clear()
    bench.tasks.end(live.container.id, 1)
    await bench.settled(live)
    assert live.container.state.status == "exited"


async def test_who_waits_for_an_end_hears_it_although_the_policy_starts_again(bench: Bench) -> None:
    live = await bench.run(HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "always"}})
    result = wait.begin(live, "not-running")
    bench.tasks.end(live.container.id, 3)
    async with asyncio.timeout(5):
        assert (await result).exit_code == 3
    await bench.settled(live)
    assert live.restart is not None
    live.restart.cancel()


async def test_events_of_other_namespaces_are_not_ours(bench: Bench) -> None:
    live = await bench.run()
    assert bench.tasks.exits is not None
    bench.tasks.exits.handle(event_pb2.Envelope(namespace="k8s.io", topic="/tasks/exit"))
    assert live.container.state.status == "running"


async def test_an_exit_that_no_event_told_of_is_found_by_asking(bench: Bench) -> None:
    live = await bench.run()
    bench.tasks.tasks[live.container.id].status = 3
    bench.tasks.tasks[live.container.id].exit_status = 4
    assert bench.tasks.exits is not None
    await bench.tasks.exits.catch_up()
    await bench.settled(live)
    assert live.container.state.exit_code == 4
