"""A container's life: who is asked what, in which order it is told, what a failure leaves."""

import asyncio
import json
from pathlib import Path

import pytest

from proto.errdefs import AlreadyExists, FailedPrecondition, Fault, NotFound
from shim.cgroups import Hierarchies
from shim.container import Container, Host
from shim.exit_record import read_exit
from shim.oom import OomWatcher
from shim.options import RuntimeOptions
from shim.reaper import Exit, Reaper
from shim.requests import CheckpointSpec, CreateSpec
from shim.states import State
from shim.stdio import StdioSpec
from tests.fakes.shim_runtime import EXEC_PID, INIT_PID, FakeRuntime, RecordingEvents

PRIVATE_PIDS = {"linux": {"namespaces": [{"type": "pid"}]}}


class Stage:
    """A container with fakes around it."""

    def __init__(self, bundle: Path, spec: dict[str, object]) -> None:
        (bundle / "config.json").write_text(json.dumps(spec))
        loop = asyncio.get_running_loop()
        self.bundle = bundle
        self.reaper = Reaper()
        self.runtime = FakeRuntime(self.reaper)
        self.events = RecordingEvents()
        oom = OomWatcher(loop, Hierarchies({}, None), self.events.oom)
        self.host = Host("ns", self.reaper, self.runtime, self.events, oom, set())
        self.container = self.another()

    def another(self, checkpoint: str = "") -> Container:
        """A container on the same stage."""
        options = RuntimeOptions(binary_name="runc")
        return Container(CreateSpec("c1", str(self.bundle), [], StdioSpec(), options, checkpoint), self.host)

    async def running(self) -> Container:
        """Created and started."""
        await self.container.create()
        await self.container.start("")
        return self.container

    async def ends(self, pid: int, status: int) -> None:
        """A process ends, and whatever follows from it."""
        self.reaper.deliver(Exit(pid, status, 5))
        while self.host.tasks:
            await asyncio.gather(*self.host.tasks)


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    """Its pid namespace is its own."""
    return Stage(tmp_path, PRIVATE_PIDS)


async def test_a_life_is_told_in_order(stage: Stage) -> None:
    """create, start, exit; the record is on disk before the exit is told."""
    container = await stage.running()
    assert container.init.state is State.RUNNING
    await stage.ends(INIT_PID, 3)
    assert stage.events.seen == [("create", INIT_PID), ("start", INIT_PID), ("exit", "c1", 3)]
    assert read_exit(container.bundle.exit_record) == (INIT_PID, 3, 5)
    await container.delete("")
    assert stage.runtime.verbs() == ["create", "start", "delete"]


async def test_an_exit_during_start_is_told_after_the_start(stage: Stage) -> None:
    """`true` ends before `start` has returned."""
    await stage.container.create()
    stage.runtime.during["start"] = lambda: stage.reaper.deliver(Exit(INIT_PID, 0, 5))
    await stage.container.start("")
    await asyncio.gather(*stage.host.tasks)
    assert stage.events.names() == ["create", "start", "exit"]
    assert stage.container.init.state is State.STOPPED


async def test_an_exit_during_create_is_told_after_the_creation(stage: Stage) -> None:
    """The pid is not known yet when it ends."""
    stage.runtime.during["create"] = lambda: stage.reaper.deliver(Exit(INIT_PID, 1, 5))
    await stage.container.create()
    await asyncio.gather(*stage.host.tasks)
    assert stage.events.names() == ["create", "exit"]


async def test_a_failed_create_has_the_runtimes_reason(stage: Stage) -> None:
    """And is told to nobody."""
    stage.runtime.fails["create"] = "runc create failed: no"
    with pytest.raises(Fault, match=r"^OCI runtime create failed: runc create failed: no$"):
        await stage.container.create()
    assert stage.events.seen == []


async def test_a_second_start_is_refused_and_changes_nothing(stage: Stage) -> None:
    """The runtime is not even asked."""
    container = await stage.running()
    with pytest.raises(Fault, match="cannot start a running process"):
        await container.start("")
    assert stage.runtime.verbs() == ["create", "start"]
    with pytest.raises(Fault, match="cannot delete a running process"):
        await container.delete("")


async def test_an_execs_exit_comes_before_the_inits(stage: Stage) -> None:
    """Even when it is reaped later."""
    container = await stage.running()
    container.add_exec("e1", b"{}", StdioSpec())
    assert await container.start("e1") == EXEC_PID
    stage.reaper.deliver(Exit(INIT_PID, 0, 5))
    await asyncio.sleep(0.01)
    assert "exit" not in stage.events.names()
    await stage.ends(EXEC_PID, 137)
    assert stage.events.seen[-2:] == [("exit", "e1", 137), ("exit", "c1", 0)]


async def test_an_exec_is_known_before_it_is_started(stage: Stage) -> None:
    """Once per id; it has no pid, and cannot be killed yet."""
    container = await stage.running()
    container.add_exec("e1", b"{}", StdioSpec())
    with pytest.raises(AlreadyExists, match="id e1"):
        container.add_exec("e1", b"{}", StdioSpec())
    with pytest.raises(FailedPrecondition, match="process not created"):
        await container.kill("e1", 15, False)
    await container.delete("e1")
    with pytest.raises(NotFound, match="process does not exist e1"):
        container.process("e1")


async def test_an_exec_that_cannot_start_hinders_nobody(stage: Stage) -> None:
    """The first process's exit does not wait for it."""
    container = await stage.running()
    container.add_exec("e1", b"{}", StdioSpec())
    stage.runtime.fails["exec"] = "exec failed: no"
    with pytest.raises(Fault, match=r"^OCI runtime exec failed: exec failed: no$"):
        await container.start("e1")
    await stage.ends(INIT_PID, 0)
    assert stage.events.names()[-1] == "exit"
    assert not list(stage.bundle.glob("e1*"))


async def test_no_exec_starts_after_the_init_has_ended(stage: Stage) -> None:
    """Its namespaces are going away."""
    container = await stage.running()
    container.add_exec("e1", b"{}", StdioSpec())
    await stage.ends(INIT_PID, 0)
    with pytest.raises(FailedPrecondition, match="container c1 init process is not running"):
        await container.start("e1")


async def test_without_a_pid_namespace_the_shim_kills_the_rest(tmp_path: Path) -> None:
    """The kernel does it only where the first process was pid 1."""
    stage = Stage(tmp_path, {"linux": {"namespaces": [{"type": "pid", "path": "/proc/1/ns/pid"}]}})
    await stage.running()
    await stage.ends(INIT_PID, 0)
    assert stage.runtime.calls[-1] == ["kill", "--all", "c1", "9"]


async def test_a_frozen_container_freezes_its_execs(stage: Stage) -> None:
    """State shows it for both."""
    container = await stage.running()
    container.add_exec("e1", b"{}", StdioSpec())
    await container.start("e1")
    await container.pause()
    assert container.state_of(container.process("e1")) is State.PAUSED
    await container.resume()
    assert container.state_of(container.process("e1")) is State.RUNNING
    assert stage.events.names()[-2:] == ["paused", "resumed"]


async def test_a_kill_of_what_has_ended_is_not_found(stage: Stage) -> None:
    """Without asking the runtime; unless everyone is meant."""
    container = await stage.running()
    await stage.ends(INIT_PID, 0)
    with pytest.raises(NotFound, match="process already finished"):
        await container.kill("", 15, False)
    await container.kill("", 9, True)
    assert stage.runtime.calls[-1] == ["kill", "--all", "c1", "9"]


async def test_processes_are_named_by_their_exec(stage: Stage) -> None:
    """The first one has no name."""
    container = await stage.running()
    container.add_exec("e1", b"{}", StdioSpec())
    await container.start("e1")
    stage.runtime.output = f"[{INIT_PID}, {EXEC_PID}, 7]".encode()
    assert await container.pids() == [(INIT_PID, ""), (EXEC_PID, "e1"), (7, "")]


async def test_a_delete_of_what_the_runtime_forgot_succeeds(stage: Stage) -> None:
    """As after a checkpoint."""
    container = await stage.running()
    await stage.ends(INIT_PID, 0)
    stage.runtime.fails["delete"] = "container does not exist"
    assert (await container.delete("")).exit is not None


async def test_a_failed_delete_says_why_and_can_be_tried_again(stage: Stage) -> None:
    """The state stays."""
    container = await stage.running()
    await stage.ends(INIT_PID, 0)
    stage.runtime.fails["delete"] = "cgroup is busy"
    with pytest.raises(Fault, match="failed to delete task: cgroup is busy"):
        await container.delete("")
    stage.runtime.fails.clear()
    await container.delete("")


async def test_a_created_container_can_be_deleted(stage: Stage) -> None:
    """The runtime kills its process, and the exit is told."""
    await stage.container.create()
    stage.runtime.during["delete"] = lambda: stage.reaper.deliver(Exit(INIT_PID, 137, 5))
    process = await stage.container.delete("")
    assert process.exit is not None
    assert process.exit.status == 137


async def test_checkpoint_and_restore_use_the_runtimes_verbs(stage: Stage) -> None:
    """A restored container has its process from Start on."""
    container = await stage.running()
    await container.checkpoint(CheckpointSpec("/img", "", exit_=True, flags=[], empty_namespaces=[], parent=""))
    assert stage.runtime.calls[-1][:3] == ["checkpoint", "--image-path", "/img"]
    restored = stage.another("/img")
    await restored.create()
    assert restored.init.pid == 0
    assert await restored.start("") == INIT_PID
    assert stage.runtime.verbs()[-1] == "restore"


async def test_a_checkpoint_that_fails_leaves_crius_log_in_the_bundle(stage: Stage) -> None:
    """In the words of containerd's shim; the work folder goes, unless the caller named one."""
    container = await stage.running()
    stage.runtime.fails["checkpoint"] = "criu failed: type DUMP errno 0"
    spec = CheckpointSpec("/img", "", exit_=True, flags=[], empty_namespaces=[], parent="")
    work = stage.bundle / "work" / "criu-work"
    work.mkdir(parents=True)
    (work / "dump.log").write_text("Error\n")
    log = stage.bundle / "criu-dump.log"
    with pytest.raises(Fault, match=f"OCI runtime checkpoint failed: criu failed: type DUMP errno 0 path= {log}$"):
        await container.checkpoint(spec)
    assert log.read_text() == "Error\n"
    assert not work.exists()
    with pytest.raises(Fault, match="type DUMP errno 0$"):  # CRIU never ran
        await container.checkpoint(spec)
    work.mkdir()
    kept = CheckpointSpec("/img", str(work), exit_=True, flags=[], empty_namespaces=[], parent="")
    with pytest.raises(Fault, match="type DUMP errno 0$"):
        await container.checkpoint(kept)
    assert work.exists()
    assert container.init.state is State.RUNNING


async def test_update_passes_the_resources_on(stage: Stage) -> None:
    """And is refused for a stopped container."""
    container = await stage.running()
    await container.update(b'{"memory":{}}')
    assert stage.runtime.calls[-1] == ["update", "--resources", "-", "c1"]
    await stage.ends(INIT_PID, 0)
    with pytest.raises(Fault, match="cannot update a stopped container"):
        await container.update(b"{}")
