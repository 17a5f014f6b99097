"""Sandboxes from create to shutdown, on fake shims; and the tasks in them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proto.errdefs import AlreadyExists, Fault, InvalidArgument, NotFound
from supervisor.runtime.restore import Restore
from tests.fakes.supervisor_runtime import build
from tests.fakes.supervisor_sandbox import Pods, build_pods, pods


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Pods]:
    async with pods(tmp_path) as built:
        yield built


async def until_gone(room: Pods) -> None:
    async with asyncio.timeout(30):
        while room.left_over():
            await asyncio.sleep(0.01)


async def test_a_life_leaves_nothing(room: Pods) -> None:
    await room.sandboxes.create("ns", "s1", replace(room.options, netns="/n", annotations={"a": "b"}))
    request: Any = room.fake().calls[0][1]
    assert (request.sandbox_id, request.netns_path, dict(request.annotations)) == ("s1", "/n", {"a": "b"})
    assert Path(request.bundle_path, "config.json").read_bytes() == b'{"hostname":"h"}'
    with pytest.raises(AlreadyExists, match="sandbox s1 already running"):
        await room.sandboxes.create("ns", "s1", room.options)
    await room.sandboxes.start("ns", "s1")
    assert (await room.sandboxes.status("ns", "s1", verbose=False)).state == "SANDBOX_READY"
    await room.sandboxes.shutdown("ns", "s1")
    assert room.left_over() == []
    with pytest.raises(NotFound, match="sandbox s1 not found"):
        await room.sandboxes.shutdown("ns", "s1")


async def test_what_is_not_here_has_ended(room: Pods) -> None:
    """Stop and Status say so without an error, as containerd's; Wait and Platform cannot."""
    await room.sandboxes.stop("ns", "s1", 5)
    assert (await room.sandboxes.status("ns", "s1", verbose=True)).exited_at.seconds > 0
    with pytest.raises(NotFound, match='unable to find sandbox "s1"'):
        await room.sandboxes.start("ns", "s1")
    for ask in (room.sandboxes.wait, room.sandboxes.platform, room.sandboxes.metrics):
        with pytest.raises(NotFound):
            await ask("ns", "s1")


@pytest.mark.parametrize("method", ["start", "CreateSandbox", "StartSandbox"])
async def test_a_step_that_fails_takes_back_the_ones_before(room: Pods, method: str) -> None:
    room.runtime.launcher.next_fail[method] = Fault("no")

    async def run() -> None:
        await room.sandboxes.create("ns", "s1", room.options)
        await room.sandboxes.start("ns", "s1")

    with pytest.raises(Fault, match="no"):
        await run()
    assert room.left_over() == []
    room.runtime.launcher.next_fail.clear()
    await room.runtime.launcher.close()  # a shim without a sandbox ends itself
    await run()


async def test_bad_names_and_runtimes_are_refused(room: Pods) -> None:
    with pytest.raises(InvalidArgument, match="invalid sandbox id"):
        await room.sandboxes.create("ns", "../x", room.options)
    with pytest.raises(Fault, match="failed to resolve runtime path"):
        await room.sandboxes.create("ns", "s1", replace(room.options, runtime="io.containerd.none.v9"))


async def test_who_waits_hears_how_a_dead_shims_sandbox_ended(room: Pods) -> None:
    await room.sandboxes.create("ns", "s1", room.options)
    waiting = [asyncio.ensure_future(room.sandboxes.wait("ns", "s1")) for _ in range(2)]
    await asyncio.sleep(0)
    await room.runtime.launcher.shims["s1"].die()
    answers = await asyncio.gather(*waiting)
    assert [answer.exit_status for answer, _ in answers] == [137, 137]
    assert sorted(first for _, first in answers) == [False, True]
    assert room.runtime.launcher.deleted == ["s1"]
    await until_gone(room)


async def test_a_sandbox_whose_shim_is_dead_has_ended(room: Pods) -> None:
    """Also while what it left is still being cleared away."""
    await room.sandboxes.create("ns", "s1", room.options)
    await room.runtime.launcher.shims["s1"].die()
    assert (await room.sandboxes.status("ns", "s1", verbose=False)).exited_at.seconds > 0
    await until_gone(room)


async def test_who_waits_for_a_sandbox_that_is_taken_away_is_told(room: Pods) -> None:
    await room.sandboxes.create("ns", "s1", room.options)
    waiting = asyncio.ensure_future(room.sandboxes.wait("ns", "s1"))
    async with asyncio.timeout(30):
        while "WaitSandbox" not in room.fake().methods:
            await asyncio.sleep(0.01)
    await room.sandboxes.shutdown("ns", "s1")
    with pytest.raises(NotFound):
        await waiting


async def test_faults_of_the_shim_say_what_was_asked(room: Pods) -> None:
    room.runtime.launcher.next_fail = {
        name: Fault("no") for name in ("Platform", "StopSandbox", "WaitSandbox", "SandboxStatus", "ShutdownSandbox")
    }
    await room.sandboxes.create("ns", "s1", room.options)
    for work, words in (
        (room.sandboxes.platform("ns", "s1"), "failed to get sandbox platform: no"),
        (room.sandboxes.stop("ns", "s1", 1), "failed to stop sandbox: no"),
        (room.sandboxes.wait("ns", "s1"), "failed to wait sandbox s1: no"),
        (room.sandboxes.status("ns", "s1", verbose=False), "failed to query sandbox s1 status: no"),
        (room.sandboxes.shutdown("ns", "s1"), "failed to shutdown sandbox: no"),
    ):
        with pytest.raises(Fault, match=words):
            await work
    room.fake().fail.clear()
    await room.sandboxes.shutdown("ns", "s1")


async def test_a_restart_finds_sandboxes_again(room: Pods) -> None:
    """And takes away those whose shims died meanwhile, or never heard of their sandbox."""
    for name in ("lives", "dies", "unmade"):
        await room.sandboxes.create("ns", name, room.options)
    await room.sandboxes.aclose()
    await room.runtime.launcher.shims["dies"].die()
    room.fake("unmade").id = ""
    after = build_pods(room.runtime)
    asked = asyncio.ensure_future(after.sandboxes.status("ns", "lives", verbose=False))
    await asyncio.sleep(0.01)
    assert not asked.done()  # callers wait until it is known
    await after.sandboxes.restore()
    assert (await asked).sandbox_id == "lives"
    assert sorted(room.runtime.launcher.deleted) == ["dies", "unmade"]
    assert room.fake("unmade").methods[-1] == "ShutdownSandbox"
    assert all("lives" in path for path in after.left_over())
    await after.sandboxes.shutdown("ns", "lives")
    await after.sandboxes.aclose()


async def test_a_task_joins_its_sandboxs_shim(room: Pods) -> None:
    """Also after a restart; the shim outlives it."""
    await room.sandboxes.create("ns", "s1", room.options)
    host = await room.sandboxes.host_of("ns", "s1")
    assert host is not None
    assert await room.sandboxes.host_of("ns", "other") is None
    runtime = room.runtime
    await runtime.tasks.create("ns", "c1", replace(runtime.options, sandbox=host))
    assert list(runtime.launcher.shims) == ["s1"]  # none of its own was started
    bundle = runtime.folder / "state" / "ns" / "c1"
    assert (bundle / "sandbox").read_text() == "s1"
    await runtime.tasks.aclose()
    after = build(runtime.folder, runtime.launcher)
    restore = Restore(after.tasks, None, after.programs, after.cleanup, after.monitor, after.timeouts)  # type: ignore[arg-type]
    await restore.run(restore.begin())
    assert (await after.tasks.delete("ns", "c1")).exit_status == 3
    assert "Shutdown" not in runtime.launcher.shims["s1"].methods
    assert after.left_over() == []
    await after.tasks.aclose()
    await after.background.aclose()


async def test_a_task_that_cannot_be_made_leaves_the_sandbox_alone(room: Pods) -> None:
    await room.sandboxes.create("ns", "s1", room.options)
    room.runtime.launcher.shims["s1"].fail["Create"] = Fault("no")
    host = await room.sandboxes.host_of("ns", "s1")
    with pytest.raises(Fault, match="failed to create shim task: no"):
        await room.runtime.tasks.create("ns", "c1", replace(room.runtime.options, sandbox=host))
    assert room.runtime.left_over() == []
    assert (await room.sandboxes.status("ns", "s1", verbose=False)).sandbox_id == "s1"
