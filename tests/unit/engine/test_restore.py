"""What a new engine makes of what it finds."""

import pytest

from engine import restore
from engine.containers.rootfs import OWNER_LABEL
from engine.logs.pump import PumpStdio
from engine.supervisor_client.tasks import Stdio
from proto.containerd.types.task import task_pb2
from proto.errdefs import Fault
from tests.fakes.engine_room import Bench


async def test_what_runs_goes_on(bench: Bench) -> None:
    live = await bench.run()
    assert isinstance(live.stdio, PumpStdio)
    live.stdio.shim_has_opened()
    live.stdio.abandon()
    live.stdio = None
    bench.tasks.tasks[live.container.id].pid = 77
    await restore.restore(bench.room)
    assert (live.container.state.status, live.container.state.pid) == ("running", 77)
    assert live.stdio is not None


async def test_what_ended_meanwhile_has_its_exit_code_and_its_rm(bench: Bench) -> None:
    kept = await bench.run("kept")
    goes = await bench.run("goes", HostConfig={"NetworkMode": "none", "AutoRemove": True})
    for live in (kept, goes):
        task = bench.tasks.tasks[live.container.id]
        task.status, task.exit_status = task_pb2.Status.STOPPED, 5
    await restore.restore(bench.room)
    assert (kept.container.state.status, kept.container.state.exit_code) == ("exited", 5)
    assert bench.room.registry.get(goes.container.id) is None


async def test_a_task_that_is_gone_was_killed(bench: Bench) -> None:
    live = await bench.run()
    bench.tasks.tasks.clear()
    await restore.restore(bench.room)
    assert live.container.state.exit_code == 137
    assert not bench.records.records


async def test_half_done_things_are_finished(bench: Bench) -> None:
    live = await bench.create()
    bench.room.registry.retire(live)
    await bench.snapshots.prepare("orphan", "", {OWNER_LABEL: "ef" * 32})
    await bench.snapshots.prepare("not-ours", "", {})
    await restore.restore(bench.room)
    assert set(bench.snapshots.keys) == {"not-ours"}
    assert bench.room.registry.leftovers() == []


async def test_policies_start_what_they_want_running(bench: Bench) -> None:
    wanted = await bench.run("one", HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "unless-stopped"}})
    stopped = await bench.run("two", HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "unless-stopped"}})
    for live in (wanted, stopped):
        live.container.state.status = "exited"
        bench.tasks.tasks.pop(live.container.id)
        bench.records.records.pop(live.container.id)
    stopped.container.manually_stopped = True
    await restore.start_policies(bench.room)
    assert wanted.container.state.status == "running"
    assert stopped.container.state.status == "exited"


async def test_a_task_that_never_began_is_started_anew_or_told_as_killed(bench: Bench) -> None:
    """Its engine died between Create and Start."""
    live = await bench.run()
    bench.tasks.tasks[live.container.id].status = task_pb2.Status.CREATED
    await restore.restore(bench.room)
    assert (live.container.state.status, live.container.state.exit_code) == ("exited", 137)
    assert not bench.tasks.tasks
    assert live.container.id not in bench.networks.held


async def test_a_task_of_a_container_that_does_not_run_is_removed(bench: Bench) -> None:
    """The record was not yet written that would have said so."""
    live = await bench.create()
    await bench.tasks.create(live.container.id, [], None)  # type: ignore[arg-type]
    await restore.restore(bench.room)
    assert not bench.tasks.tasks
    assert live.container.state.status == "created"


async def test_a_paused_task_is_a_paused_container(bench: Bench) -> None:
    """Somebody else may have paused it."""
    live = await bench.run()
    live.stdio.shim_has_opened()  # type: ignore[union-attr]
    live.stdio.abandon()  # type: ignore[union-attr]
    bench.tasks.tasks[live.container.id].status = task_pb2.Status.PAUSED
    await restore.restore(bench.room)
    assert live.container.state.status == "paused"


async def test_a_removal_that_was_cut_short_is_finished(bench: Bench) -> None:
    """The snapshot goes with it."""
    live = await bench.create()
    live.container.state.status = "removing"
    await restore.restore(bench.room)
    assert list(bench.room.registry) == []
    assert not bench.snapshots.keys


async def test_anonymous_volumes_go_with_a_half_removed_container_if_that_was_asked_for(bench: Bench) -> None:
    """By `rm -v` or `--rm`; those of others stay for their person."""
    goes = await bench.create("goes", Volumes={"/data": {}})
    stays = await bench.create("stays", Volumes={"/data": {}})
    goes.container.takes_volumes = True
    for live in (goes, stays):
        bench.room.registry.retire(live)
    await restore.restore(bench.room)
    assert [volume.name for volume in bench.room.volumes.list()] == [stays.container.mounts[0].name]


async def test_one_container_that_cannot_be_restored_does_not_stop_the_rest(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, and the engine serves."""
    one, two = await bench.run("one"), await bench.run("two")
    for live in (one, two):
        bench.tasks.tasks[live.container.id].status = task_pb2.Status.STOPPED
        live.stdio.close()  # type: ignore[union-attr]
        live.stdio = None
    bench.tasks.refuse["delete"] = Fault("no")
    await restore.restore(bench.room)
    assert {live.container.state.status for live in (one, two)} == {"exited"}


async def test_a_failed_start_at_boot_is_told_and_passed_over(bench: Bench) -> None:
    """Policies of others have their turn."""
    always = {"NetworkMode": "none", "RestartPolicy": {"Name": "always"}}
    live = await bench.create("one", HostConfig=always)
    live.container.state.status = "exited"
    other = await bench.create("two", HostConfig=always)
    bench.tasks.refuse["create"] = Fault("no")
    await restore.start_policies(bench.room)
    assert live.container.state.error
    assert other.container.state.status == "created"


async def test_a_container_that_waited_for_its_restart_gets_it_at_once(bench: Bench) -> None:
    """Its time has passed while the engine was away."""
    live = await bench.create("one", HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "always"}})
    live.container.state.status = "restarting"
    await restore.start_policies(bench.room)
    assert live.restart is not None
    await live.restart
    assert live.container.state.status == "running"


async def test_what_could_not_be_undone_while_the_supervisor_was_away_is_undone_when_it_is_back(bench: Bench) -> None:
    """A start whose task was made, though nobody heard so; a removal that came no further."""
    half, gone = await bench.create("half"), await bench.create("gone")
    goes_on = await bench.run("on")
    for live in (half, gone):
        await bench.tasks.create(live.container.id, [], Stdio())
    bench.room.registry.retire(gone)
    await restore.repair(bench.room)
    assert set(bench.tasks.tasks) == {goes_on.container.id}
    assert bench.room.registry.leftovers() == []
    assert gone.container.id not in bench.snapshots.keys
