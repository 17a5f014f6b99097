"""Sandboxes: what they hold, their states, and how they end."""

import asyncio
import json
import os
import select
import signal
from pathlib import Path

import pytest

from proto.errdefs import FailedPrecondition, InvalidArgument
from shim.cgroups import Hierarchies
from shim.container import Host
from shim.exit_record import read_exit
from shim.oom import OomWatcher
from shim.reaper import Exit, Reaper
from shim.rootfs import Mount
from shim.sandbox import NOT_READY, READY, Sandbox, SandboxSpec
from tests.fakes.shim_runtime import INIT_PID, FakeRuntime, RecordingEvents

NOTHING = {"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}]}}


class Stage:
    """A bundle, and a host with fakes below."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reaper = Reaper()
        self.runtime = FakeRuntime(self.reaper)
        events = RecordingEvents()
        oom = OomWatcher(asyncio.get_running_loop(), Hierarchies({}, None), events.oom)
        self.host = Host("ns", self.reaper, self.runtime, events, oom, set())

    def sandbox(self, config: object = NOTHING, mounts: tuple[Mount, ...] = (), netns: str = "") -> Sandbox:
        (self.folder / "config.json").write_text(json.dumps(config))
        return Sandbox(SandboxSpec("s", str(self.folder), list(mounts), netns, {"a": "b"}), self.host)

    async def reap(self, sandbox: Sandbox, status: int) -> None:
        """What the shim's reaper does; here the pause process is init's child."""
        pidfd = os.pidfd_open(sandbox.pid)
        await asyncio.to_thread(select.select, [pidfd], [], [], 30)
        os.close(pidfd)
        self.reaper.deliver(Exit(sandbox.pid, status, 5))


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_a_pause_process_lives_until_it_is_stopped(stage: Stage) -> None:
    """Its end is on disk, too."""
    sandbox = stage.sandbox()
    await sandbox.create()
    assert (sandbox.state, sandbox.pid) == (NOT_READY, 0)
    pid = await sandbox.start()
    assert (sandbox.state, sandbox.pid, sandbox.cgroups) == (READY, pid, "")
    with pytest.raises(FailedPrecondition, match="was started before"):
        await sandbox.start()
    stopping = asyncio.ensure_future(sandbox.stop(30))
    await stage.reap(sandbox, 0)
    await stopping
    assert (await sandbox.wait()).status == 0
    assert sandbox.state == NOT_READY
    assert read_exit(str(stage.folder / "exit.json")) == (pid, 0, 5)
    await sandbox.stop(0)  # once more is no error
    await sandbox.delete()


async def test_without_patience_it_is_killed(stage: Stage) -> None:
    """Zero seconds are SIGKILL at once."""
    sandbox = stage.sandbox()
    await sandbox.start()
    stopping = asyncio.ensure_future(sandbox.stop(0))
    await stage.reap(sandbox, 128 + signal.SIGKILL)
    await stopping
    assert (await sandbox.wait()).status == 137


async def test_one_that_never_ran_is_over_when_it_is_stopped(stage: Stage) -> None:
    """And cannot be started any more."""
    sandbox = stage.sandbox()
    await sandbox.stop(0)
    assert (await sandbox.wait()).status == 0
    with pytest.raises(FailedPrecondition):
        await sandbox.start()


async def test_what_it_holds_is_in_its_spec(stage: Stage) -> None:
    """The request's network namespace comes first; without a list there are two."""
    spec = {"linux": {"namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc", "path": "/i"}]}}
    assert json.loads(stage.sandbox(spec, netns="/n").info()["namespaces"]) == {"pid": "", "network": "/n", "ipc": "/i"}
    assert json.loads(stage.sandbox({}).info()["namespaces"]) == {"ipc": "", "uts": ""}
    assert stage.sandbox({}).info()["annotations"] == '{"a": "b"}'
    os.unlink(stage.folder / "config.json")
    assert Sandbox(SandboxSpec("s", str(stage.folder), [], "", {}), stage.host).info()["kind"] == "pause"


@pytest.mark.parametrize("spec", ["text", [1]])
async def test_a_spec_that_is_none_is_refused(stage: Stage, spec: object) -> None:
    with pytest.raises(InvalidArgument, match="no JSON object"):
        stage.sandbox(spec)


async def test_namespaces_that_cannot_be_held_are_refused(stage: Stage) -> None:
    with pytest.raises(InvalidArgument, match="type time"):
        stage.sandbox({"linux": {"namespaces": [{"type": "time"}]}})


async def test_a_pause_process_that_cannot_start_says_why(stage: Stage) -> None:
    sandbox = stage.sandbox(netns="/nowhere/net")
    with pytest.raises(FailedPrecondition, match="failed to start sandbox s: .*No such file"):
        await sandbox.start()
    assert sandbox.state == NOT_READY


async def test_with_mounts_it_is_a_container(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first process is the sandbox's."""
    monkeypatch.setattr("shim.rootfs.mount_all", lambda mounts, target: None)
    monkeypatch.setattr("shim.rootfs.unmount_all", lambda target: None)
    config = {"linux": {"namespaces": [{"type": "pid"}, {"type": "network"}]}}
    sandbox = stage.sandbox(config, (Mount("bind", "/x", "", ["rbind"]),), "/n")
    written = json.loads((stage.folder / "config.json").read_text())
    assert written["linux"]["namespaces"] == [{"type": "pid"}, {"type": "network", "path": "/n"}]
    await sandbox.create()
    assert await sandbox.start() == INIT_PID
    stage.runtime.during["kill"] = lambda: stage.reaper.deliver(Exit(INIT_PID, 143, 5))
    await sandbox.stop(30)
    assert ((await sandbox.wait()).status, sandbox.info()["kind"]) == (143, "container")
    await sandbox.delete()
    assert stage.runtime.verbs() == ["create", "start", "kill", "delete"]
