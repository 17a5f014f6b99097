"""The Tasks service, on fake shims."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty

from proto.containerd.services.tasks.v1 import tasks_pb2 as api
from proto.containerd.types.runc.options.oci_pb2 import Options
from proto.containerd.types.task.task_pb2 import Status
from proto.errdefs import AlreadyExists, DeadlineExceeded, Fault, InvalidArgument, NotFound, Unimplemented
from supervisor.core.containers import Container, RuntimeInfo
from supervisor.core.typed import TypedValue
from supervisor.runtime.checkpoint import Checkpoints
from supervisor.services.tasks import TasksService, create_options, criu_image_path
from tests.fakes.grpc_context import Context
from tests.fakes.supervisor_runtime import SPEC, Runtime, running
from tests.fakes.supervisor_shim import EXITED_AT, PID, FakeShim

CONTEXT = Context("ns")


class Containers:
    """A ContainerStore of the containers it was given."""

    def __init__(self, *containers: Container) -> None:
        self._containers = {container.id: container for container in containers}

    def get(self, namespace: str, container_id: str) -> Container:
        try:
            return self._containers[container_id]
        except KeyError:
            raise NotFound(f'container "{container_id}" in namespace "{namespace}": not found') from None


@dataclass
class Room:
    """The service and what is behind it."""

    service: TasksService
    runtime: Runtime

    @property
    def shim(self) -> FakeShim:
        return self.runtime.launcher.shims["c1"]


def record(runtime: Runtime, container_id: str) -> Container:
    options = TypedValue("containerd.runc.v1.Options", Options(binary_name="crun").SerializeToString())
    return Container(container_id, RuntimeInfo(runtime.options.runtime, options), TypedValue("spec", SPEC))


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with running(tmp_path) as runtime:
        containers = Containers(record(runtime, "c1"), record(runtime, "c2"))
        service = TasksService(
            runtime.tasks,
            containers,  # type: ignore[arg-type]
            Checkpoints(None),  # type: ignore[arg-type]  (nothing is stored)
        )
        yield Room(service, runtime)


async def create(room: Room, container_id: str = "c1") -> None:
    await room.service.Create(api.CreateTaskRequest(container_id=container_id), CONTEXT)


async def test_create_answers_with_the_pid(room: Room) -> None:
    response = await room.service.Create(api.CreateTaskRequest(container_id="c1", stdout="out"), CONTEXT)
    assert (response.container_id, response.pid) == ("c1", PID)
    _, request = room.shim.calls[0]
    assert request.stdout == "out"  # type: ignore[attr-defined]
    assert Options.FromString(request.options.value).binary_name == "crun"  # type: ignore[attr-defined]


async def test_create_twice_is_refused(room: Room) -> None:
    await create(room)
    with pytest.raises(AlreadyExists, match="task c1: already exists"):
        await create(room)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Create", api.CreateTaskRequest(container_id="x")),
        ("Start", api.StartRequest(container_id="x")),
        ("Delete", api.DeleteTaskRequest(container_id="x")),
        ("Kill", api.KillRequest(container_id="x")),
        ("Wait", api.WaitRequest(container_id="x")),
        ("Get", api.GetRequest(container_id="x")),
        ("Checkpoint", api.CheckpointTaskRequest(container_id="x")),
    ],
)
async def test_a_container_that_is_not_there_is_named(room: Room, method: str, request_: object) -> None:
    with pytest.raises(NotFound, match='container "x" in namespace "ns": not found'):
        await getattr(room.service, method)(request_, CONTEXT)


async def test_a_container_without_a_task_is_named(room: Room) -> None:
    with pytest.raises(NotFound, match="task c1 not found"):
        await room.service.Start(api.StartRequest(container_id="c1"), CONTEXT)


async def test_a_task_starts_is_waited_for_and_deleted(room: Room) -> None:
    await create(room)
    assert (await room.service.Start(api.StartRequest(container_id="c1"), CONTEXT)).pid == PID
    waiting = asyncio.ensure_future(room.service.Wait(api.WaitRequest(container_id="c1"), CONTEXT))
    await room.service.Kill(api.KillRequest(container_id="c1", signal=9, all=True), CONTEXT)
    assert (await waiting).exit_status == 137
    (request,) = (request for method, request in room.shim.calls if method == "Kill")
    assert (request.signal, request.all) == (9, True)  # type: ignore[attr-defined]
    end = await room.service.Delete(api.DeleteTaskRequest(container_id="c1"), CONTEXT)
    assert (end.pid, end.exit_status, end.exited_at) == (PID, 3, EXITED_AT)


async def test_get_shows_the_state(room: Room) -> None:
    await create(room)
    process = (await room.service.Get(api.GetRequest(container_id="c1"), CONTEXT)).process
    assert (process.id, process.pid, process.status, process.stdout) == ("c1", PID, Status.CREATED, "out")
    process = (await room.service.Get(api.GetRequest(container_id="c1", exec_id="e1"), CONTEXT)).process
    assert process.id == "e1"
    with pytest.raises(NotFound, match="process e2 does not exist"):
        await room.service.Get(api.GetRequest(container_id="c1", exec_id="e2"), CONTEXT)


async def test_a_state_that_cannot_be_got_is_unknown(room: Room) -> None:
    await create(room)
    room.shim.fail["State"] = Fault("oh")
    process = (await room.service.Get(api.GetRequest(container_id="c1"), CONTEXT)).process
    assert (process.id, process.status) == ("c1", Status.UNKNOWN)


async def test_the_list_goes_on_without_those_that_do_not_answer(room: Room) -> None:
    await create(room, "c1")
    await create(room, "c2")
    room.runtime.launcher.shims["c2"].fail["State"] = DeadlineExceeded("context deadline exceeded")
    listed = await room.service.List(api.ListTasksRequest(), CONTEXT)
    assert [task.id for task in listed.tasks] == ["c1"]
    assert (await room.service.List(api.ListTasksRequest(), Context("other"))).tasks == []


async def test_exec_is_handed_on(room: Room) -> None:
    await create(room)
    spec = Any(type_url="t", value=b"{}")
    await room.service.Exec(api.ExecProcessRequest(container_id="c1", exec_id="e1", spec=spec, terminal=True), CONTEXT)
    method, request = room.shim.calls[-1]
    assert (method, request.exec_id, request.terminal) == ("Exec", "e1", True)  # type: ignore[attr-defined]
    assert request.spec == spec  # type: ignore[attr-defined]
    end = await room.service.DeleteProcess(api.DeleteProcessRequest(container_id="c1", exec_id="e1"), CONTEXT)
    assert (end.id, end.exit_status) == ("e1", 3)


@pytest.mark.parametrize(("exec_id", "words"), [("", "exec id cannot be empty"), ("../e", "invalid exec id ../e: ")])
async def test_an_exec_needs_an_identifier(room: Room, exec_id: str, words: str) -> None:
    await create(room)
    with pytest.raises(InvalidArgument, match=words):
        await room.service.Exec(api.ExecProcessRequest(container_id="c1", exec_id=exec_id), CONTEXT)


async def test_a_process_of_no_name_is_not_deleted(room: Room) -> None:
    with pytest.raises(InvalidArgument, match="exec id cannot be empty"):
        await room.service.DeleteProcess(api.DeleteProcessRequest(container_id="c1"), CONTEXT)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Pause", api.PauseTaskRequest(container_id="c1")),
        ("Resume", api.ResumeTaskRequest(container_id="c1")),
        ("ResizePty", api.ResizePtyRequest(container_id="c1", width=3, height=4)),
        ("CloseIO", api.CloseIORequest(container_id="c1", stdin=True)),
        ("Update", api.UpdateTaskRequest(container_id="c1")),
    ],
)
async def test_what_only_the_shim_can_do_goes_to_the_shim(room: Room, method: str, request_: object) -> None:
    await create(room)
    assert await getattr(room.service, method)(request_, CONTEXT) == Empty()
    assert room.shim.methods[-1] == method


async def test_closing_nothing_asks_nobody(room: Room) -> None:
    await create(room)
    await room.service.CloseIO(api.CloseIORequest(container_id="c1"), CONTEXT)
    assert "CloseIO" not in room.shim.methods


async def test_pids_are_listed(room: Room) -> None:
    await create(room)
    listed = await room.service.ListPids(api.ListPidsRequest(container_id="c1"), CONTEXT)
    assert [process.pid for process in listed.processes] == [PID]


async def test_metrics_can_be_filtered_and_leave_out_who_has_none(room: Room) -> None:
    await create(room, "c1")
    await create(room, "c2")
    everything = await room.service.Metrics(api.MetricsRequest(), CONTEXT)
    assert sorted(metric.id for metric in everything.metrics) == ["c1", "c2"]
    one = await room.service.Metrics(api.MetricsRequest(filters=["id==c2"]), CONTEXT)
    assert [metric.id for metric in one.metrics] == ["c2"]
    assert one.metrics[0].data.type_url == "io.containerd.cgroups.v1.Metrics"
    room.runtime.launcher.shims["c2"].fail["Stats"] = NotFound("cgroup does not exist")
    assert [metric.id for metric in (await room.service.Metrics(api.MetricsRequest(), CONTEXT)).metrics] == ["c1"]
    with pytest.raises(InvalidArgument):
        await room.service.Metrics(api.MetricsRequest(filters=["id=="]), CONTEXT)


def test_the_requests_options_win_over_the_records() -> None:
    container = Container("c1", RuntimeInfo("r", TypedValue("t", b"record")), TypedValue("spec", SPEC))
    chosen = create_options(container, api.CreateTaskRequest(options=Any(type_url="t", value=b"request")))
    assert chosen.options is not None
    assert chosen.options.value == b"request"
    chosen = create_options(container, api.CreateTaskRequest(options=Any(type_url="t"), runtime_path="/shim"))
    assert chosen.options is not None
    assert (chosen.options.value, chosen.runtime) == (b"record", "/shim")


def test_a_sandboxs_shim_cannot_be_joined() -> None:
    with pytest.raises(Unimplemented, match=r"at ttrpc\+unix:///s"):
        create_options(Container("c1"), api.CreateTaskRequest(task_api_address="ttrpc+unix:///s"))


def test_runc_options_may_name_a_checkpoint() -> None:
    options = Any(type_url="containerd.runc.v1.Options", value=Options(criu_image_path="/cp").SerializeToString())
    assert criu_image_path(options) == "/cp"
    assert criu_image_path(Any(type_url="other")) == ""
    assert criu_image_path(None) == ""


async def test_whoever_asks_a_shim_that_is_gone_hears_that_the_process_is(room: Room) -> None:
    """A kill that comes too late is no failure to docker."""
    await create(room)
    task = await room.runtime.tasks.get("ns", "c1")
    async with task.lock:  # nobody cleans up meanwhile
        await room.shim.die()
        await task.client.closed
        with pytest.raises(NotFound, match="process already finished: not found"):
            await room.service.Kill(api.KillRequest(container_id="c1", signal=9), CONTEXT)
        with pytest.raises(NotFound, match="ttrpc: closed"):
            await room.service.Pause(api.PauseTaskRequest(container_id="c1"), CONTEXT)
