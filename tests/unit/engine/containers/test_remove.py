"""Removing."""

import os

import pytest

from engine.containers import remove
from proto.errdefs import Conflict, Fault, InvalidArgument
from tests.fakes.engine_room import Bench


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


async def test_what_could_not_be_deleted_is_remembered(bench: Bench) -> None:
    live = await bench.create()

    async def refuse(key: str) -> None:
        raise Fault("busy")

    bench.snapshots.remove = refuse  # type: ignore[method-assign]
    await remove.remove(bench.room, live)
    assert [left.id for left in bench.room.registry.leftovers()] == [live.container.id]


async def test_links_are_refused_by_name(bench: Bench) -> None:
    live = await bench.create()
    with pytest.raises(InvalidArgument, match="links"):
        await remove.remove(bench.room, live, link=True)
