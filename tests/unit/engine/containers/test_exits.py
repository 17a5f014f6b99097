"""What an exit sets in motion."""

import asyncio

from engine.containers import exits, wait
from proto.containerd.events import task_pb2
from proto.containerd.types import event_pb2
from proto.errdefs import Fault
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


async def test_waiters_of_each_kind_hear_in_their_time(bench: Bench) -> None:
    """An exit before a restart is one, too."""
    live = await bench.run(HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "always"}})
    exits_, ends, removal = (wait.begin(live, name) for name in ("next-exit", "not-running", "removed"))
    bench.tasks.end(live.container.id, 9)
    await bench.settled(live)
    assert exits_.result().exit_code == 9
    assert ends.result().exit_code == 9  # it does not run now, whatever comes next
    assert not removal.done()


async def test_an_exec_of_a_container_that_has_ended_has_ended_too(bench: Bench) -> None:
    """Nobody else would tell."""
    live = await bench.run()
    made = bench.room.execs.create(live, {"Cmd": ["x"]})
    made.started = made.running = True
    bench.tasks.end(live.container.id, 0)
    await bench.settled(live)
    assert (made.running, made.exit_code, made.done.is_set()) == (False, 137, True)


async def test_out_of_memory_is_remembered_and_announced(bench: Bench) -> None:
    """The kernel's word comes before the exit."""
    live = await bench.run()
    envelope = event_pb2.Envelope(namespace="moby", topic="/tasks/oom")
    envelope.event.value = task_pb2.TaskOOM(container_id=live.container.id).SerializeToString()
    assert bench.tasks.exits is not None
    bench.tasks.exits.handle(envelope)
    bench.tasks.end(live.container.id, 137)
    await bench.settled(live)
    assert live.container.state.oom_killed
    assert bench.actions[-2:] == ["oom", "die"]


async def test_an_exit_of_an_earlier_life_is_not_this_ones(bench: Bench) -> None:
    """Its pid tells them apart."""
    live = await bench.run()
    event = task_pb2.TaskExit(container_id=live.container.id, id=live.container.id, pid=4, exit_status=9)
    envelope = event_pb2.Envelope(namespace="moby", topic="/tasks/exit")
    envelope.event.value = event.SerializeToString()
    assert bench.tasks.exits is not None
    bench.tasks.exits.handle(envelope)
    await asyncio.sleep(0)
    async with live.lock:
        pass
    assert live.container.state.status == "running"


async def test_events_of_nobody_are_nothing(bench: Bench) -> None:
    """A container that was just removed, an exec that nobody remembers, a topic of the future."""
    live = await bench.run()
    exits_ = bench.tasks.exits
    assert exits_ is not None
    for event in (
        task_pb2.TaskExit(container_id="gone", id="gone"),
        task_pb2.TaskExit(container_id=live.container.id, id="no-such-exec"),
    ):
        envelope = event_pb2.Envelope(namespace="moby", topic="/tasks/exit")
        envelope.event.value = event.SerializeToString()
        exits_.handle(envelope)
    exits_.handle(event_pb2.Envelope(namespace="moby", topic="/tasks/new-kind"))
    assert live.container.state.status == "running"


async def test_a_task_that_vanished_was_killed(bench: Bench) -> None:
    """The supervisor may have lost its shim."""
    live = await bench.run()
    del bench.tasks.tasks[live.container.id]
    assert bench.tasks.exits is not None
    await bench.tasks.exits.catch_up()
    await bench.settled(live)
    assert live.container.state.exit_code == 137


async def test_a_failure_below_does_not_keep_a_container_running(bench: Bench) -> None:
    """Its process has ended, whatever else goes wrong."""
    live = await bench.run()
    bench.tasks.refuse["delete"] = Fault("busy")
    bench.tasks.end(live.container.id, 5)
    await bench.settled(live)
    assert (live.container.state.status, live.container.state.exit_code) == ("exited", 5)
    assert not bench.networks.held


async def test_an_engine_on_its_way_out_restarts_and_removes_nothing(bench: Bench) -> None:
    """The next one will."""
    host = {"NetworkMode": "none"}
    always = await bench.run("one", HostConfig=host | {"RestartPolicy": {"Name": "always"}})
    goes = await bench.run("two", HostConfig=host | {"AutoRemove": True})
    bench.room.closing = True
    for live in (always, goes):
        bench.tasks.end(live.container.id, 1)
        await bench.settled(live)
    assert always.container.state.status == "exited"
    assert bench.room.registry.get(goes.container.id) is goes


async def test_delays_grow_from_life_to_life(bench: Bench) -> None:
    """A container that fails at once is tried less and less often."""
    live = await bench.run(HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "always"}})
    delays = []
    for _ in range(3):
        live.exited.clear()
        bench.tasks.end(live.container.id, 1)
        await bench.settled(live)
        delays.append(live.backoff)
        assert live.restart is not None
        live.restart.cancel()
        await asyncio.gather(live.restart, return_exceptions=True)
        live.restart = bench.room.background.spawn("now", exits.restart_after(bench.room, live, 0))
        await live.restart
    assert delays == [0.1, 0.2, 0.4]
    assert live.container.restart_count == 3


async def test_a_restart_that_fails_ends_it(bench: Bench) -> None:
    """With the reason, and with those who wait."""
    live = await bench.run(HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "always"}})
    ends = wait.begin(live, "not-running")
    bench.tasks.end(live.container.id, 1)
    await bench.settled(live)
    bench.tasks.refuse["create"] = Fault("no such device")
    assert live.restart is not None
    await live.restart
    assert live.container.state.status == "exited"
    assert "no such device" in live.container.state.error
    assert ends.done()


async def test_a_volume_is_in_use_from_the_start_to_the_exit(bench: Bench) -> None:
    """As events tell it."""
    live = await bench.run(HostConfig={"NetworkMode": "none", "Binds": ["vol:/data:ro"]})
    bench.tasks.end(live.container.id, 0)
    await bench.settled(live)
    told = [event for event in bench.bus._ring if event.kind == "volume"]
    assert [(event.action, event.actor) for event in told] == [("create", "vol"), ("mount", "vol"), ("unmount", "vol")]
    assert told[1].attributes == {
        "container": live.container.id,
        "driver": "local",
        "destination": "/data",
        "propagation": "",
        "read/write": "false",
    }
