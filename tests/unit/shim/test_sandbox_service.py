"""The Sandbox service: one sandbox per shim, which stays for it."""

import asyncio
import json
from pathlib import Path

import pytest

from proto import anys
from proto.containerd.runtime.sandbox.v1 import sandbox_pb2 as api
from proto.containerd.runtime.task.v2 import shim_pb2 as task_api
from proto.containerd.types.platform_pb2 import Platform
from proto.errdefs import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Unimplemented
from proto.ttrpc.server import Context
from shim.cgroups import Hierarchies
from shim.container import Host
from shim.oom import OomWatcher
from shim.reaper import Reaper
from shim.sandbox_service import SandboxService
from shim.service import TaskService
from tests.fakes.shim_runtime import FakeRuntime, RecordingEvents

CONTEXT = Context({}, None)


class Stage:
    """Both services of a shim, with fakes below."""

    def __init__(self, bundle: Path) -> None:
        self.config = bundle / "config.json"
        self.config.write_text(json.dumps({"linux": {"namespaces": []}}))
        reaper, events = Reaper(), RecordingEvents()
        oom = OomWatcher(asyncio.get_running_loop(), Hierarchies({}, None), events.oom)
        self.shut_down = 0
        self.tasks = TaskService(Host("ns", reaper, FakeRuntime(reaper), events, oom, set()), self._shut_down)
        self.service = SandboxService(self.tasks, self._shut_down)
        self.create = api.CreateSandboxRequest(sandbox_id="s", bundle_path=str(bundle))

    def _shut_down(self) -> None:
        self.shut_down += 1


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_the_shim_stays_until_its_sandbox_is_shut_down(stage: Stage) -> None:
    """Whatever becomes of its containers."""
    await stage.service.CreateSandbox(stage.create, CONTEXT)
    await stage.service.PingSandbox(api.PingRequest(sandbox_id="s"), CONTEXT)
    await stage.tasks.Shutdown(task_api.ShutdownRequest(id="c"), CONTEXT)
    assert not stage.shut_down
    await stage.service.ShutdownSandbox(api.ShutdownSandboxRequest(sandbox_id="s"), CONTEXT)
    assert stage.shut_down == 1
    with pytest.raises(NotFound):
        await stage.service.PingSandbox(api.PingRequest(sandbox_id="s"), CONTEXT)


async def test_a_sandbox_with_containers_is_not_shut_down(stage: Stage, tmp_path: Path) -> None:
    bundle = tmp_path / "c"
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps({"linux": {"namespaces": [{"type": "pid"}]}}))
    await stage.service.CreateSandbox(stage.create, CONTEXT)
    await stage.tasks.Create(task_api.CreateTaskRequest(id="c", bundle=str(bundle)), CONTEXT)
    with pytest.raises(FailedPrecondition, match="has containers"):
        await stage.service.ShutdownSandbox(api.ShutdownSandboxRequest(sandbox_id="s"), CONTEXT)
    assert not stage.shut_down


async def test_a_shim_that_was_to_have_a_sandbox_goes_when_it_is_told_to(stage: Stage) -> None:
    """Its CreateSandbox may have failed, or never come."""
    await stage.service.ShutdownSandbox(api.ShutdownSandboxRequest(sandbox_id="s"), CONTEXT)
    assert stage.shut_down == 1


async def test_there_is_one_sandbox_at_most(stage: Stage) -> None:
    await stage.service.CreateSandbox(stage.create, CONTEXT)
    with pytest.raises(AlreadyExists, match="sandbox s"):
        await stage.service.CreateSandbox(stage.create, CONTEXT)
    with pytest.raises(NotFound, match="sandbox other not found"):
        await stage.service.StartSandbox(api.StartSandboxRequest(sandbox_id="other"), CONTEXT)


async def test_what_cannot_be_had_is_refused_by_name(stage: Stage) -> None:
    """And there is no sandbox afterwards."""
    stage.create.options.CopyFrom(anys.pack(Platform(os="linux")))
    with pytest.raises(Unimplemented, match="options of type .*Platform"):
        await stage.service.CreateSandbox(stage.create, CONTEXT)
    stage.create.ClearField("options")
    stage.config.write_text(json.dumps({"linux": {"namespaces": [{"type": "time"}]}}))
    with pytest.raises(InvalidArgument):
        await stage.service.CreateSandbox(stage.create, CONTEXT)
    with pytest.raises(NotFound):
        await stage.service.PingSandbox(api.PingRequest(sandbox_id="s"), CONTEXT)


async def test_status_platform_and_metrics_before_the_start(stage: Stage) -> None:
    """A pause process has no cgroup of its own."""
    await stage.service.CreateSandbox(stage.create, CONTEXT)
    status = await stage.service.SandboxStatus(api.SandboxStatusRequest(sandbox_id="s"), CONTEXT)
    assert (status.sandbox_id, status.pid, status.state, dict(status.info)) == ("s", 0, "SANDBOX_NOTREADY", {})
    told = await stage.service.SandboxStatus(api.SandboxStatusRequest(sandbox_id="s", verbose=True), CONTEXT)
    assert told.info["kind"] == "pause"
    platform = await stage.service.Platform(api.PlatformRequest(sandbox_id="s"), CONTEXT)
    assert platform.platform.os == "linux"
    with pytest.raises(NotFound, match="cgroup does not exist"):
        await stage.service.SandboxMetrics(api.SandboxMetricsRequest(sandbox_id="s"), CONTEXT)


async def test_one_that_never_ran_is_waited_for_and_stopped(stage: Stage) -> None:
    await stage.service.CreateSandbox(stage.create, CONTEXT)
    waiting = asyncio.ensure_future(stage.service.WaitSandbox(api.WaitSandboxRequest(sandbox_id="s"), CONTEXT))
    await stage.service.StopSandbox(api.StopSandboxRequest(sandbox_id="s", timeout_secs=1), CONTEXT)
    assert (await waiting).exit_status == 0
