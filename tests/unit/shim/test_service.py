"""The Task service: decoding, encoding, and which containers there are."""

import asyncio
import json
from pathlib import Path

import pytest

from proto import anys
from proto.containerd.runtime.task.v2 import shim_pb2 as api
from proto.containerd.types.runc.options import oci_pb2
from proto.errdefs import AlreadyExists, InvalidArgument, NotFound
from proto.ttrpc.server import Context
from shim.cgroups import Hierarchies
from shim.container import Host
from shim.oom import OomWatcher
from shim.reaper import Exit, Reaper
from shim.service import TaskService
from tests.fakes.shim_runtime import INIT_PID, FakeRuntime, RecordingEvents

CONTEXT = Context({}, None)
OPTIONS = anys.pack(oci_pb2.Options(binary_name="runc"))


class Stage:
    """A service with fakes below."""

    def __init__(self, bundle: Path) -> None:
        (bundle / "config.json").write_text(json.dumps({"linux": {"namespaces": [{"type": "pid"}]}}))
        self.reaper = Reaper()
        self.events = RecordingEvents()
        self.runtime = FakeRuntime(self.reaper)
        oom = OomWatcher(asyncio.get_running_loop(), Hierarchies({}, None), self.events.oom)
        self.shut_down = False
        host = Host("ns", self.reaper, self.runtime, self.events, oom, set())
        self.service = TaskService(host, self._shut_down)
        self.create = api.CreateTaskRequest(id="c1", bundle=str(bundle), options=OPTIONS)

    def _shut_down(self) -> None:
        self.shut_down = True


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    """Nothing created yet."""
    return Stage(tmp_path)


async def test_connect_works_before_create(stage: Stage) -> None:
    """With our pid and none of a task; everything else is not found."""
    answer = await stage.service.Connect(api.ConnectRequest(id="c1"), CONTEXT)
    assert (answer.shim_pid > 0, answer.task_pid) == (True, 0)
    with pytest.raises(NotFound, match="container not created"):
        await stage.service.State(api.StateRequest(id="c1"), CONTEXT)


async def test_a_life_over_the_wires_messages(stage: Stage) -> None:
    """Create, Start, State, Wait, Delete."""
    service = stage.service
    assert (await service.Create(stage.create, CONTEXT)).pid == INIT_PID
    with pytest.raises(AlreadyExists):
        await service.Create(stage.create, CONTEXT)
    assert (await service.Start(api.StartRequest(id="c1"), CONTEXT)).pid == INIT_PID
    state = await service.State(api.StateRequest(id="c1"), CONTEXT)
    assert (state.id, state.pid, state.status, state.exit_status) == ("c1", INIT_PID, 2, 0)
    assert state.exited_at.seconds == -62135596800
    stage.reaper.deliver(Exit(INIT_PID, 3, 5_000_000_001))
    waited = await service.Wait(api.WaitRequest(id="c1"), CONTEXT)
    assert (waited.exit_status, waited.exited_at.seconds, waited.exited_at.nanos) == (3, 5, 1)
    deleted = await service.Delete(api.DeleteRequest(id="c1"), CONTEXT)
    assert (deleted.pid, deleted.exit_status) == (INIT_PID, 3)
    assert stage.events.names() == ["create", "start", "exit", "delete"]


async def test_shutdown_waits_for_the_last_container(stage: Stage) -> None:
    """A shim of a pod must not end with one of its containers."""
    await stage.service.Create(stage.create, CONTEXT)
    await stage.service.Shutdown(api.ShutdownRequest(id="c1"), CONTEXT)
    assert not stage.shut_down
    stage.runtime.during["delete"] = lambda: stage.reaper.deliver(Exit(INIT_PID, 137, 5))
    await stage.service.Delete(api.DeleteRequest(id="c1"), CONTEXT)
    await stage.service.Shutdown(api.ShutdownRequest(id="c1"), CONTEXT)
    assert stage.shut_down


async def test_an_exec_takes_its_terminal_from_the_request(stage: Stage, tmp_path: Path) -> None:
    """Not from the document."""
    await stage.service.Create(stage.create, CONTEXT)
    spec = anys.pack_json(anys.PROCESS, {"args": ["sh"], "terminal": True})
    await stage.service.Exec(api.ExecProcessRequest(id="c1", exec_id="e1", spec=spec), CONTEXT)
    written: list[dict[str, object]] = []
    stage.runtime.during["exec"] = lambda: written.append(json.loads((tmp_path / "e1.process.json").read_text()))
    await stage.service.Start(api.StartRequest(id="c1", exec_id="e1"), CONTEXT)
    assert written == [{"args": ["sh"], "terminal": False}]


async def test_a_document_that_is_none_is_refused(stage: Stage) -> None:
    """Before anything is registered."""
    await stage.service.Create(stage.create, CONTEXT)
    request = api.ExecProcessRequest(id="c1", exec_id="e1")
    request.spec.value = b"{"
    with pytest.raises(InvalidArgument):
        await stage.service.Exec(request, CONTEXT)


async def test_a_caller_that_leaves_does_not_stop_the_work(stage: Stage) -> None:
    """Half a container helps nobody."""
    call = asyncio.ensure_future(stage.service.Create(stage.create, CONTEXT))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    for _ in range(20):
        await asyncio.sleep(0)
    assert (await stage.service.State(api.StateRequest(id="c1"), CONTEXT)).pid == INIT_PID


async def test_without_a_cgroup_there_are_no_stats(stage: Stage) -> None:
    """In containerd's words."""
    await stage.service.Create(stage.create, CONTEXT)
    with pytest.raises(NotFound, match="cgroup does not exist"):
        await stage.service.Stats(api.StatsRequest(id="c1"), CONTEXT)


async def test_resize_and_close_without_streams_are_nothing(stage: Stage) -> None:
    """Both are allowed on a process that has neither."""
    await stage.service.Create(stage.create, CONTEXT)
    await stage.service.ResizePty(api.ResizePtyRequest(id="c1", width=80, height=24), CONTEXT)
    await stage.service.CloseIO(api.CloseIORequest(id="c1", stdin=True), CONTEXT)


async def test_questions_wait_for_what_is_being_made(stage: Stage) -> None:
    """Else a daemon that comes back takes a container for none, and cleans up beneath it."""
    creating = asyncio.ensure_future(stage.service.Create(stage.create, CONTEXT))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not creating.done()
    state, _ = await asyncio.gather(
        stage.service.State(api.StateRequest(id="c1"), CONTEXT),
        stage.service.Shutdown(api.ShutdownRequest(id="c1"), CONTEXT),
    )
    assert (state.pid, stage.shut_down) == (INIT_PID, False)
    await creating
