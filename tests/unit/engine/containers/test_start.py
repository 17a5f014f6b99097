"""Starting: the order of things, and that a failed start leaves nothing behind but its reason."""

import json

import pytest

from engine.containers import start
from engine.containers.live import Attacher
from proto.errdefs import Conflict, Fault, InvalidArgument, NotModified
from tests.fakes.engine_room import Bench


async def test_a_started_container_runs_and_is_announced(bench: Bench) -> None:
    live = await bench.run()
    state = live.container.state
    assert (state.status, state.pid) == ("running", 1001)
    assert state.started_at > "2026"
    assert bench.actions == ["create", "start"]
    assert live.container.id in bench.networks.held


async def test_the_record_holds_the_spec_the_runtime_and_the_snapshot(bench: Bench) -> None:
    live = await bench.run(Cmd=["echo", "hi"], User="www")
    record = bench.records.records[live.container.id]
    assert record["runtime"] == "io.containerd.runc.v2"
    assert record["snapshot_key"] == live.container.id
    spec = json.loads(record["spec"])
    assert spec["process"]["args"] == ["echo", "hi"]
    assert spec["process"]["user"] == {"uid": 33, "gid": 34, "additionalGids": [34]}


async def test_root_gets_the_groups_of_the_image(bench: Bench) -> None:
    live = await bench.run()
    spec = json.loads(bench.records.records[live.container.id]["spec"])
    assert spec["process"]["user"]["additionalGids"] == [0, 10]


async def test_a_second_start_changes_nothing(bench: Bench) -> None:
    live = await bench.run()
    with pytest.raises(NotModified):
        await start.start(bench.room, live)


async def test_a_paused_container_is_not_started(bench: Bench) -> None:
    live = await bench.run()
    live.container.state.status = "paused"
    with pytest.raises(Conflict, match="try unpause instead"):
        await start.start(bench.room, live)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ('exec: "nope": executable file not found in $PATH', 127),
        ('exec: "/etc": permission denied', 126),
        ("something else", 128),
    ],
)
async def test_a_failed_start_leaves_its_exit_code_and_nothing_else(bench: Bench, words: str, code: int) -> None:
    live = await bench.create()
    bench.tasks.refuse["create"] = Fault(words)
    with pytest.raises(Fault) as caught:
        await start.start(bench.room, live)
    assert str(caught.value) == f"failed to create task for container: {words}: unknown"
    assert isinstance(caught.value, InvalidArgument) is (code != 128)
    assert (live.container.state.status, live.container.state.exit_code) == ("created", code)
    assert live.container.state.error == str(caught.value)
    assert not bench.records.records
    assert not bench.networks.held


async def test_a_failed_first_start_with_rm_removes_the_container(bench: Bench) -> None:
    live = await bench.create(HostConfig={"NetworkMode": "none", "AutoRemove": True})
    bench.tasks.refuse["create"] = Fault("no")
    with pytest.raises(Fault):
        await start.start(bench.room, live)
    assert not list(bench.room.registry)
    assert not bench.snapshots.keys


async def test_remains_of_an_earlier_life_do_not_prevent_a_start(bench: Bench) -> None:
    live = await bench.create()
    bench.records.records[live.container.id] = {}
    await start.start(bench.room, live)
    assert live.container.state.status == "running"


async def test_those_who_attached_before_hear_of_a_failure(bench: Bench) -> None:
    import asyncio

    live = await bench.create()
    attacher = Attacher(False, True, True, asyncio.get_running_loop().create_future())
    live.attachers.append(attacher)
    bench.tasks.refuse["create"] = Fault("no")
    with pytest.raises(Fault):
        await start.start(bench.room, live)
    assert isinstance(attacher.joined.exception(), Fault)
