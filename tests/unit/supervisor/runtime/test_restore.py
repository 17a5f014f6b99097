"""Finding the tasks again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proto.containerd.events.task_pb2 import TaskExit
from proto.containerd.types.task.task_pb2 import Status
from proto.errdefs import NotFound
from supervisor.core.containers import Container, RuntimeInfo
from supervisor.runtime.bundle import Bundle
from supervisor.runtime.restore import Restore, read_endpoint
from tests.fakes.supervisor_runtime import SPEC, Runtime, build, running


class Containers:
    """A ContainerStore of one record."""

    def __init__(self, runtime: str = "") -> None:
        self._runtime = runtime

    def get(self, _namespace: str, container_id: str) -> Container:
        if not self._runtime:
            raise NotFound(f'container "{container_id}" in namespace "ns": not found')
        return Container(container_id, RuntimeInfo(self._runtime))


@pytest.fixture
async def before(tmp_path: Path) -> AsyncIterator[Runtime]:
    """The daemon before it was killed."""
    async with running(tmp_path) as built:
        yield built


def restart(before: Runtime, containers: Containers | None = None) -> tuple[Runtime, Restore]:
    after = build(before.folder, before.launcher)
    restore = Restore(
        after.tasks,
        containers or Containers(),  # type: ignore[arg-type]
        after.programs,
        after.cleanup,
        after.monitor,
        after.timeouts,
    )
    return after, restore


async def close(after: Runtime) -> None:
    await after.tasks.aclose()
    await after.background.aclose()


async def test_living_tasks_are_found_again(before: Runtime) -> None:
    await before.tasks.create("ns", "c1", before.options)
    await before.tasks.aclose()
    after, restore = restart(before)
    await restore.run(restore.begin())
    assert [task.id for task in await after.tasks.list("ns")] == ["c1"]
    assert (await after.tasks.delete("ns", "c1")).exit_status == 3
    assert after.left_over() == []
    await close(after)


async def test_a_task_that_stopped_meanwhile_keeps_its_exit_code(before: Runtime) -> None:
    await before.tasks.create("ns", "c1", before.options)
    await before.tasks.aclose()
    before.launcher.shims["c1"].status = Status.STOPPED
    after, restore = restart(before)
    await restore.run(restore.begin())
    assert (await after.tasks.delete("ns", "c1")).exit_status == 3
    await close(after)


async def test_callers_wait_for_a_task_that_is_being_restored(before: Runtime) -> None:
    await before.tasks.create("ns", "c1", before.options)
    await before.tasks.aclose()
    after, restore = restart(before)
    bundles = restore.begin()
    early = asyncio.ensure_future(after.tasks.get("ns", "c1"))
    await asyncio.sleep(0.01)
    assert not early.done()
    await restore.run(bundles)
    assert (await early).id == "c1"
    await close(after)


async def test_a_shim_that_died_meanwhile_is_cleaned_up_and_told_of(before: Runtime) -> None:
    await before.tasks.create("ns", "c1", before.options)
    await before.tasks.aclose()
    await before.launcher.shims["c1"].die()
    after, restore = restart(before)
    await restore.run(restore.begin())
    assert await after.tasks.list() == []
    assert after.left_over() == []
    assert after.exchange.topics == ["/tasks/exit", "/tasks/delete"]
    assert TaskExit.FromString(after.exchange.envelopes[0].event.value).exit_status == 137
    await close(after)


async def test_a_shim_without_a_task_is_ended(before: Runtime) -> None:
    await before.tasks.create("ns", "c1", before.options)
    await before.tasks.aclose()
    before.launcher.shims["c1"].created = False
    after, restore = restart(before)
    await restore.run(restore.begin())
    assert await after.tasks.list() == []
    assert before.launcher.shims["c1"].methods[-1] == "Shutdown"
    assert after.left_over() == []
    assert after.exchange.topics == []
    await close(after)


async def test_a_bundle_without_a_shim_is_removed_in_silence(before: Runtime) -> None:
    before.bundles.create("ns", "c1", SPEC)
    after, restore = restart(before, Containers(before.options.runtime))
    await restore.run(restore.begin())
    assert after.left_over() == []
    assert after.launcher.deleted == ["c1"]
    assert after.exchange.topics == []
    await close(after)


async def test_a_bundle_of_an_unknown_container_is_removed(before: Runtime) -> None:
    before.bundles.create("ns", "c1", SPEC)
    after, restore = restart(before)
    await restore.run(restore.begin())
    assert after.left_over() == []
    await close(after)


async def test_one_broken_bundle_does_not_hide_the_others(before: Runtime) -> None:
    await before.tasks.create("ns", "c1", before.options)
    broken = before.bundles.create("ns", "c2", SPEC)
    broken.write(broken.bootstrap, b"\xff\xfe")
    Path(broken.rootfs, "file").touch()
    await before.tasks.aclose()
    after, restore = restart(before)
    await restore.run(restore.begin())
    assert [task.id for task in await after.tasks.list()] == ["c1"]
    with pytest.raises(NotFound):
        await after.tasks.get("ns", "c2")
    Path(broken.rootfs, "file").unlink()
    await close(after)


def test_the_endpoint_of_older_shims_is_in_the_file_address(tmp_path: Path) -> None:
    bundle = Bundle(str(tmp_path), "ns", "c1")
    with pytest.raises(NotFound):
        read_endpoint(bundle)
    bundle.write(bundle.address, b"unix:///run/containerd/s/x")
    assert read_endpoint(bundle).address == "unix:///run/containerd/s/x"
