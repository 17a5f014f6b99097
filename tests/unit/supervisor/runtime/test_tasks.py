"""Tasks from create to delete, on fake shims."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any

from proto.containerd.events.task_pb2 import TaskDelete, TaskExit
from proto.containerd.types.mount_pb2 import Mount
from proto.containerd.types.task.task_pb2 import Status
from proto.errdefs import AlreadyExists, FailedPrecondition, Fault, InvalidArgument, NotFound
from supervisor.core.events import Envelope
from supervisor.events import topics
from tests.fakes.supervisor_runtime import Runtime, running
from tests.fakes.supervisor_shim import EXITED_AT, PID


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with running(tmp_path) as built:
        yield built


async def gone(runtime: Runtime) -> None:
    """Until the table is empty."""
    async with asyncio.timeout(5):
        while await runtime.tasks.list():
            await asyncio.sleep(0.01)


async def test_create_hands_everything_to_the_shim(runtime: Runtime) -> None:
    options = replace(
        runtime.options,
        options=Any(type_url="t", value=b"v"),
        rootfs=(Mount(type="bind", source="/s"),),
        stdin="in",
        stdout="out",
        stderr="err",
        terminal=True,
    )
    assert await runtime.tasks.create("ns", "c1", options) == PID
    method, request = runtime.launcher.shims["c1"].calls[0]
    assert method == "Create"
    assert (request.id, request.stdin, request.stdout, request.stderr, request.terminal) == (  # type: ignore[attr-defined]
        "c1",
        "in",
        "out",
        "err",
        True,
    )
    assert request.bundle == str(runtime.folder / "state" / "ns" / "c1")  # type: ignore[attr-defined]
    assert request.options.value == b"v"  # type: ignore[attr-defined]
    assert request.rootfs[0].source == "/s"  # type: ignore[attr-defined]


async def test_a_task_is_found_in_its_namespace_only(runtime: Runtime) -> None:
    await runtime.tasks.create("ns", "c1", runtime.options)
    assert (await runtime.tasks.get("ns", "c1")).id == "c1"
    with pytest.raises(NotFound, match="task c1 not found"):
        await runtime.tasks.get("other", "c1")
    assert await runtime.tasks.list("other") == []


async def test_a_second_task_of_the_name_is_refused(runtime: Runtime) -> None:
    await runtime.tasks.create("ns", "c1", runtime.options)
    with pytest.raises(AlreadyExists, match="task c1: already exists"):
        await runtime.tasks.create("ns", "c1", runtime.options)


async def test_of_two_creates_at_once_one_is_refused(runtime: Runtime) -> None:
    results = await asyncio.gather(
        *(runtime.tasks.create("ns", "c1", runtime.options) for _ in range(2)), return_exceptions=True
    )
    assert sorted(type(result) for result in results if isinstance(result, Fault)) == [AlreadyExists]


async def test_a_name_that_is_no_identifier_is_refused(runtime: Runtime) -> None:
    with pytest.raises(InvalidArgument, match="invalid task id"):
        await runtime.tasks.create("ns", "../c1", runtime.options)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("start", "failed to start shim: oh"),
        ("Create", "failed to create shim task: oh"),
    ],
)
async def test_a_create_that_fails_leaves_nothing(runtime: Runtime, step: str, words: str) -> None:
    runtime.launcher.next_fail = {step: InvalidArgument("oh")}
    with pytest.raises(InvalidArgument, match=words):
        await runtime.tasks.create("ns", "c1", runtime.options)
    assert runtime.left_over() == []
    assert await runtime.tasks.list() == []
    runtime.launcher.next_fail = {}
    await runtime.launcher.close()
    (runtime.folder / "c1.sock").unlink(missing_ok=True)
    await runtime.tasks.create("ns", "c1", runtime.options)


async def test_a_create_that_fails_in_the_shim_ends_the_shim(runtime: Runtime) -> None:
    runtime.launcher.next_fail = {"Create": Fault("oh")}
    with pytest.raises(Fault):
        await runtime.tasks.create("ns", "c1", runtime.options)
    assert runtime.launcher.shims["c1"].methods == ["Create", "Delete", "Shutdown"]
    assert runtime.launcher.deleted == ["c1"]
    assert runtime.exchange.topics == []


async def test_an_unknown_runtime_is_refused_before_anything_is_made(runtime: Runtime) -> None:
    with pytest.raises(Fault, match="failed to start shim: failed to resolve runtime path: runtime"):
        await runtime.tasks.create("ns", "c1", replace(runtime.options, runtime="io.containerd.nope.v1"))
    assert runtime.left_over() == []


async def test_a_client_that_leaves_during_create_leaves_nothing(runtime: Runtime) -> None:
    creating = asyncio.ensure_future(runtime.tasks.create("ns", "c1", runtime.options))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    creating.cancel()
    await asyncio.wait([creating])
    async with asyncio.timeout(5):
        while runtime.left_over():
            await asyncio.sleep(0.01)
    assert await runtime.tasks.list() == []


async def test_a_shim_whose_start_nobody_waits_for_any_more_is_ended(runtime: Runtime) -> None:
    runtime.launcher.slowly = asyncio.Event()
    creating = asyncio.ensure_future(runtime.tasks.create("ns", "c1", runtime.options))
    async with asyncio.timeout(5):
        while "c1" not in runtime.launcher.shims:
            await asyncio.sleep(0.01)
        creating.cancel()
        await asyncio.wait([creating])
        runtime.launcher.slowly.set()
        while runtime.left_over():
            await asyncio.sleep(0.01)
    assert runtime.launcher.shims["c1"].methods == ["Delete", "Shutdown"]
    assert await runtime.tasks.list() == []


async def test_a_shim_that_is_making_a_container_nobody_waits_for_is_ended_afterwards(runtime: Runtime) -> None:
    runtime.launcher.making = asyncio.Event()
    creating = asyncio.ensure_future(runtime.tasks.create("ns", "c1", runtime.options))
    async with asyncio.timeout(5):
        while "c1" not in runtime.launcher.shims or not runtime.launcher.shims["c1"].calls:
            await asyncio.sleep(0.01)
        creating.cancel()
        await asyncio.wait([creating])
        runtime.launcher.making.set()
        while runtime.left_over():
            await asyncio.sleep(0.01)
    assert runtime.launcher.shims["c1"].methods == ["Create", "Delete", "Shutdown"]


async def test_deleting_ends_the_shim_and_removes_the_bundle(runtime: Runtime) -> None:
    await runtime.tasks.create("ns", "c1", runtime.options)
    end = await runtime.tasks.delete("ns", "c1")
    assert (end.exit_status, end.exited_at) == (3, EXITED_AT)
    assert runtime.launcher.shims["c1"].methods[-2:] == ["Delete", "Shutdown"]
    assert runtime.left_over() == []
    assert runtime.launcher.deleted == []
    assert runtime.exchange.topics == []
    with pytest.raises(NotFound):
        await runtime.tasks.get("ns", "c1")


async def test_a_running_task_is_not_deleted(runtime: Runtime) -> None:
    await runtime.tasks.create("ns", "c1", runtime.options)
    runtime.launcher.shims["c1"].status = Status.RUNNING
    with pytest.raises(FailedPrecondition) as caught:
        await runtime.tasks.delete("ns", "c1")
    assert str(caught.value) == "task must be stopped before deletion: running: failed precondition"
    assert (await runtime.tasks.get("ns", "c1")).id == "c1"


async def test_a_task_that_its_shim_forgot_is_cleared_away(runtime: Runtime) -> None:
    await runtime.tasks.create("ns", "c1", runtime.options)
    runtime.launcher.shims["c1"].created = False
    with pytest.raises(NotFound, match="failed to delete task: container not created"):
        await runtime.tasks.delete("ns", "c1")
    assert runtime.left_over() == []
    assert await runtime.tasks.list() == []


async def test_of_two_deletes_one_finds_nothing(runtime: Runtime) -> None:
    await runtime.tasks.create("ns", "c1", runtime.options)
    results = await asyncio.gather(*(runtime.tasks.delete("ns", "c1") for _ in range(2)), return_exceptions=True)
    assert len([result for result in results if isinstance(result, NotFound)]) == 1


async def test_a_dead_shim_is_cleaned_up_and_told_of(runtime: Runtime) -> None:
    await runtime.tasks.create("ns", "c1", runtime.options)
    await runtime.launcher.shims["c1"].die()
    await gone(runtime)
    assert runtime.launcher.deleted == ["c1"]
    assert runtime.left_over() == []
    assert runtime.exchange.topics == ["/tasks/exit", "/tasks/delete"]
    event = TaskExit.FromString(runtime.exchange.envelopes[0].event.value)
    assert (event.container_id, event.id, event.pid, event.exit_status) == ("c1", "c1", PID, 137)


async def test_an_end_that_nobody_knows_is_255(runtime: Runtime) -> None:
    await runtime.tasks.create("ns", "c1", runtime.options)
    runtime.launcher.next_fail = {"delete": Fault("no")}
    await runtime.launcher.shims["c1"].die()
    await gone(runtime)
    assert TaskExit.FromString(runtime.exchange.envelopes[0].event.value).exit_status == 255
    assert runtime.left_over() == []


async def test_an_exit_that_was_told_is_not_told_again(runtime: Runtime) -> None:
    await runtime.tasks.create("ns", "c1", runtime.options)
    exit_event = TaskExit(container_id="c1", id="c1", pid=PID, exit_status=7, exited_at=EXITED_AT)
    runtime.monitor.forward(Envelope(1, "ns", topics.TASK_EXIT, topics.typed(exit_event)))
    await runtime.launcher.shims["c1"].die()
    await gone(runtime)
    assert runtime.exchange.topics == ["/tasks/exit", "/tasks/delete"]
    assert TaskDelete.FromString(runtime.exchange.envelopes[1].event.value).exit_status == 7


async def test_who_waits_is_told_of_a_shims_death(runtime: Runtime) -> None:
    await runtime.tasks.create("ns", "c1", runtime.options)
    waiting = asyncio.ensure_future((await runtime.tasks.get("ns", "c1")).wait())
    await asyncio.sleep(0.05)
    await runtime.launcher.shims["c1"].die()
    assert (await asyncio.wait_for(waiting, 5)).exit_status == 137


async def test_a_delete_that_meets_a_shims_death_answers_how_it_ended(runtime: Runtime) -> None:
    await runtime.tasks.create("ns", "c1", runtime.options)
    task = await runtime.tasks.get("ns", "c1")
    async with task.lock:
        deleting = asyncio.ensure_future(runtime.tasks.delete("ns", "c1"))
        await asyncio.sleep(0.01)
        await runtime.launcher.shims["c1"].die()
        await task.client.closed
    assert (await asyncio.wait_for(deleting, 5)).exit_status == 137
    assert runtime.exchange.topics == ["/tasks/exit", "/tasks/delete"]
    assert runtime.left_over() == []


async def test_a_shim_that_claims_version_three_is_asked_as_version_two(runtime: Runtime) -> None:
    runtime.launcher.claimed_version = 3
    assert await runtime.tasks.create("ns", "c1", runtime.options) == PID
    assert (await runtime.tasks.get("ns", "c1")).client.version == 2


async def test_version_three_shims_are_served(runtime: Runtime) -> None:
    runtime.launcher.version = 3
    assert await runtime.tasks.create("ns", "c1", runtime.options) == PID


async def test_closing_leaves_the_tasks_alone(runtime: Runtime) -> None:
    await runtime.tasks.create("ns", "c1", runtime.options)
    await runtime.tasks.aclose()
    await asyncio.sleep(0.05)
    assert os.path.exists(runtime.folder / "state" / "ns" / "c1" / "config.json")
    assert runtime.launcher.deleted == []
    assert runtime.exchange.topics == []
