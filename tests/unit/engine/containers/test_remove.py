"""Removing."""

import asyncio
import os

import pytest

from engine import restore
from engine.containers import remove, start
from proto.errdefs import Conflict, Fault, InvalidArgument, NotFound, Unavailable
from tests.fakes.engine_room import Bench

MOUNT = {"Type": "volume", "Source": "cache", "Target": "/c", "VolumeOptions": {"NoCopy": True}}


async def test_nothing_of_a_removed_container_is_left(bench: Bench) -> None:
    live = await bench.create(Volumes={"/data": {}})
    await remove.remove(bench.room, live, volumes=True)
    assert not list(bench.room.registry)
    assert not bench.snapshots.keys
    assert not bench.room.volumes.list()
    assert os.listdir(bench.paths.containers) == []
    assert bench.room.registry.leftovers() == []
    assert bench.actions[-1] == "destroy"


async def test_anonymous_volumes_stay_unless_asked(bench: Bench) -> None:
    live = await bench.create(Volumes={"/data": {}})
    await remove.remove(bench.room, live)
    assert len(bench.room.volumes.list()) == 1


async def test_what_runs_is_refused_or_killed(bench: Bench) -> None:
    live = await bench.run()
    with pytest.raises(Conflict, match='cannot remove container "web": container is running'):
        await remove.remove(bench.room, live)
    await remove.remove(bench.room, live, force=True)
    assert not list(bench.room.registry)


@pytest.mark.parametrize("force", [True, False])
async def test_a_start_that_was_under_way_is_waited_for(bench: Bench, force: bool) -> None:
    """A restart policy's at the engine's start, say: what runs by then is refused or killed like any other."""
    live = await bench.create()
    async with live.lock:
        removal = asyncio.ensure_future(remove.remove(bench.room, live, force=force))
        await asyncio.sleep(0)  # it waits for the lock
        await start.launch(bench.room, live)
    if force:
        await removal
        assert not list(bench.room.registry)
    else:
        with pytest.raises(Conflict, match='cannot remove container "web": container is running'):
            await removal
        assert live.container.state.status == "running"


async def test_what_could_not_be_deleted_is_remembered(bench: Bench) -> None:
    live = await bench.create()

    async def refuse(key: str) -> None:
        raise Fault("busy")

    bench.snapshots.remove = refuse  # type: ignore[method-assign]
    await remove.remove(bench.room, live)
    assert [left.id for left in bench.room.registry.leftovers()] == [live.container.id]


@pytest.mark.parametrize("back", ["before the removal", "after it"])
async def test_a_task_that_a_failed_start_could_not_take_back_goes_with_its_container(bench: Bench, back: str) -> None:
    """The supervisor was away when the start failed: nobody but us knows that the task is nobody's."""
    live = await bench.create()
    away = Unavailable("away")
    bench.tasks.refuse = {"start": away, "kill": away, "delete": away}
    with pytest.raises(Fault):
        await start.start(bench.room, live)
    assert live.container.id in bench.tasks.tasks
    if back == "before the removal":
        bench.tasks.refuse.clear()
    await remove.remove(bench.room, live)
    if back == "after it":
        assert [one.id for one in bench.room.registry.leftovers()] == [live.container.id]
        bench.tasks.refuse.clear()
        await restore.repair(bench.room)
    assert live.container.id not in bench.tasks.tasks
    assert bench.room.registry.leftovers() == []


async def test_a_link_is_removed_and_its_containers_stay(bench: Bench) -> None:
    live = await bench.create(HostConfig={"NetworkMode": "none"})
    live.container.host_config["Links"] = ["db:store", "/cache:/web/fast"]
    remove.remove_link(bench.room, "/web/store")
    assert live.container.host_config["Links"] == ["/cache:/web/fast"]
    with pytest.raises(NotFound, match="no such link"):
        remove.remove_link(bench.room, "web/store")
    with pytest.raises(InvalidArgument, match="default link name"):
        remove.remove_link(bench.room, "web")
    remove.remove_link(bench.room, "web/fast")
    assert live.container.host_config["Links"] is None


async def test_of_many_removals_one_removes(bench: Bench) -> None:
    """The others find it gone or going."""
    live = await bench.create()
    results = await asyncio.gather(*(remove.remove(bench.room, live) for _ in range(10)), return_exceptions=True)
    assert all(result is None or isinstance(result, Fault) for result in results), results
    assert bench.actions.count("destroy") == 1
    assert not bench.snapshots.keys


async def test_a_name_is_free_before_the_last_file_is_gone(bench: Bench) -> None:
    """Deleting a large layer takes its time."""
    live = await bench.create("web")
    before, gone = bench.snapshots.remove, asyncio.Event()

    async def slow(key: str) -> None:
        await gone.wait()
        await before(key)

    bench.snapshots.remove = slow  # type: ignore[method-assign]
    removing = asyncio.ensure_future(remove.remove(bench.room, live))
    await asyncio.sleep(0.01)
    bench.room.registry.require_free("web")
    assert [left.id for left in bench.room.registry.leftovers()] == [live.container.id]
    gone.set()
    await removing
    assert bench.room.registry.leftovers() == []


async def test_a_client_that_leaves_does_not_stop_the_removal(bench: Bench) -> None:
    """It has begun."""
    live = await bench.create()
    before, gone = bench.snapshots.remove, asyncio.Event()

    async def slow(key: str) -> None:
        await gone.wait()
        await before(key)

    bench.snapshots.remove = slow  # type: ignore[method-assign]
    removing = asyncio.ensure_future(remove.remove(bench.room, live))
    await asyncio.sleep(0.01)
    removing.cancel()
    await asyncio.gather(removing, return_exceptions=True)
    gone.set()
    async with asyncio.timeout(2):
        while bench.room.registry.leftovers():
            await asyncio.sleep(0.001)
    assert not bench.snapshots.keys


async def test_a_named_volume_stays_with_and_without_dash_v(bench: Bench) -> None:
    """It belongs to its person."""
    live = await bench.create(HostConfig={"NetworkMode": "none", "Mounts": [MOUNT]})
    await remove.remove(bench.room, live, volumes=True)
    assert [volume.name for volume in bench.room.volumes.list()] == ["cache"]


async def test_a_volume_that_another_uses_stays(bench: Bench) -> None:
    """Though it has no name."""
    live = await bench.create("one", Volumes={"/data": {}})
    await bench.create("two", HostConfig={"NetworkMode": "none", "VolumesFrom": ["one"]})
    await remove.remove(bench.room, live, volumes=True)
    assert len(bench.room.volumes.list()) == 1


async def test_a_restarting_container_is_removed_by_force_and_does_not_come_back(bench: Bench) -> None:
    """Its restart is cancelled."""
    live = await bench.run(HostConfig={"NetworkMode": "none", "RestartPolicy": {"Name": "always"}})
    bench.tasks.end(live.container.id, 1)
    await bench.settled(live)
    await remove.remove(bench.room, live, force=True)
    assert list(bench.room.registry) == []
    assert not bench.tasks.tasks


async def test_a_container_that_cannot_be_killed_stays(bench: Bench) -> None:
    """With the reason."""
    live = await bench.run()
    bench.tasks.refuse["kill"] = Unavailable("no answer")
    with pytest.raises(Fault, match='cannot remove container "web": could not kill container'):
        await remove.remove(bench.room, live, force=True)
    assert bench.room.registry.find("web") is live
    del bench.tasks.refuse["kill"]


async def test_a_removal_in_progress_is_told(bench: Bench) -> None:
    """409."""
    live = await bench.create()
    live.container.state.status = "removing"
    with pytest.raises(Conflict, match="removal of container .* is already in progress"):
        await remove.remove(bench.room, live)
