"""What a new engine makes of what it finds."""

from engine import restore
from engine.containers.rootfs import OWNER_LABEL
from engine.logs.pump import PumpStdio
from proto.containerd.types.task import task_pb2
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
