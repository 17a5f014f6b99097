"""Starting: the order of things, and that a failed start leaves nothing behind but its reason."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.containers import start, wait
from engine.containers.live import Attacher
from engine.containers.store import ContainerStore
from proto.errdefs import Conflict, Fault, InvalidArgument, NotModified, Unavailable
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
    assert str(caught.value) == f"failed to create task for container: {words}"
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
    live = await bench.create()
    attacher = Attacher(False, True, True, asyncio.get_running_loop().create_future())
    live.attachers.append(attacher)
    bench.tasks.refuse["create"] = Fault("no")
    with pytest.raises(Fault):
        await start.start(bench.room, live)
    assert isinstance(attacher.joined.exception(), Fault)


def refusing(fault: Fault) -> Callable[..., Awaitable[Any]]:
    async def refuse(*_: object, **__: object) -> None:
        raise fault

    return refuse


@pytest.mark.parametrize("step", ["allocate", "mounts", "record", "create", "start"])
async def test_whichever_step_fails_nothing_is_left_and_the_next_start_works(bench: Bench, step: str) -> None:
    """Network, record, task and files; the reason stays until then."""
    live = await bench.create()
    owner: Any = {
        "allocate": bench.networks,
        "mounts": bench.snapshots,
        "record": bench.records,
        "create": bench.tasks,
        "start": bench.tasks,
    }[step]
    name = {"record": "create"}.get(step, step)
    before = getattr(owner, name)
    live.mounts = []  # as after a restart of the engine
    setattr(owner, name, refusing(Unavailable("no")))
    with pytest.raises(Unavailable):
        await start.start(bench.room, live)
    setattr(owner, name, before)
    state = live.container.state
    assert state.pid == 0
    assert state.status == ("exited" if step == "start" else "created")
    assert state.exit_code == 128
    assert "no" in state.error
    assert not bench.tasks.tasks
    assert not bench.records.records
    assert not bench.networks.held
    assert live.stdio is None
    assert not os.path.exists(bench.paths.container(live.container.id).volatile)
    await start.start(bench.room, live)
    assert (live.container.state.status, live.container.state.error) == ("running", "")


async def test_many_starts_at_once_are_one(bench: Bench) -> None:
    """The others are told that nothing was to be done."""
    live = await bench.create()
    results = await asyncio.gather(*(start.start(bench.room, live) for _ in range(20)), return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, NotModified) for result in results) == 19
    assert [call[0] for call in bench.tasks.calls].count("create") == 1


async def test_a_process_that_ends_before_its_start_has_answered_is_an_exit(bench: Bench) -> None:
    """`docker run busybox true`: the event may come first."""
    live = await bench.create()
    before = bench.tasks.start

    async def start_and_end(container_id: str, exec_id: str = "") -> int:
        pid = await before(container_id, exec_id)
        bench.tasks.end(container_id, 3)
        return pid

    bench.tasks.start = start_and_end  # type: ignore[method-assign]
    result = wait.begin(live, "next-exit")
    await start.start(bench.room, live)
    async with asyncio.timeout(5):
        assert (await result).exit_code == 3
    await bench.settled(live)
    assert live.container.state.status == "exited"
    assert bench.actions == ["create", "start", "die"]


async def test_a_second_life_begins_with_a_clean_slate(bench: Bench) -> None:
    """Exit code, error and the kernel's killing belong to the first."""
    live = await bench.run()
    bench.tasks.end(live.container.id, 137)
    await bench.settled(live)
    live.container.state.oom_killed = True
    await start.start(bench.room, live)
    state = live.container.state
    assert (state.exit_code, state.error, state.oom_killed, state.status) == (0, "", False, "running")
    assert state.started_at > state.finished_at


async def test_a_start_cancels_the_restart_that_was_waiting(bench: Bench) -> None:
    """And its count begins anew."""
    live = await bench.run(HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "always"}})
    bench.tasks.end(live.container.id, 1)
    await bench.settled(live)
    waiting = live.restart
    await start.start(bench.room, live)
    assert waiting is not None
    await asyncio.gather(waiting, return_exceptions=True)
    assert waiting.cancelled()
    assert (live.container.state.status, live.container.restart_count) == ("running", 0)
    assert [call[0] for call in bench.tasks.calls].count("create") == 2


async def test_a_removed_container_is_not_started(bench: Bench) -> None:
    """Who had found it before comes too late."""
    live = await bench.create()
    live.container.state.status = "removing"
    with pytest.raises(Conflict, match="marked for removal"):
        await start.start(bench.room, live)


async def test_joining_what_does_not_run_fails_before_anything_is_made(bench: Bench) -> None:
    """With dockerd's words."""
    await bench.create("donor")
    live = await bench.create(HostConfig={"NetworkMode": "none", "PidMode": "container:donor"})
    with pytest.raises(Conflict, match="cannot join PID namespace of a non running container"):
        await start.start(bench.room, live)
    assert not bench.networks.held


async def test_a_user_that_is_not_there_is_the_clients_mistake(bench: Bench) -> None:
    """And the start leaves nothing behind."""
    live = await bench.create(User="nobody-here")
    with pytest.raises(InvalidArgument, match="unable to find user nobody-here"):
        await start.start(bench.room, live)
    assert not bench.networks.held
    assert live.container.state.error == "unable to find user nobody-here: no matching entries in passwd file"


async def test_the_record_in_the_store_is_the_one_in_memory(bench: Bench) -> None:
    """An engine that dies now finds it running."""
    live = await bench.run()
    (stored,) = ContainerStore(bench.connection).load()
    assert stored == live.container
