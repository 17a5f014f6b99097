"""What a dead engine left of things that never came to be."""

import os

from engine import orphans
from engine.containers.rootfs import OWNER_LABEL
from tests.fakes.engine_room import Bench

GONE = "ef" * 32


async def test_nothing_of_a_creation_that_was_cut_short_stays(bench: Bench) -> None:
    paths = bench.room.paths
    await bench.snapshots.prepare("orphan", "", {OWNER_LABEL: GONE})
    await bench.snapshots.prepare("not-ours", "", {})
    for folder in (paths.container(GONE).durable, paths.container(GONE).volatile, f"{paths.temporary}/mount-x"):
        os.makedirs(f"{folder}/in")
    os.makedirs(paths.container(GONE).subpath(0))
    bench.room.volumes.ensure("", pending=True)
    named = bench.room.volumes.ensure("named")
    await orphans.sweep(bench.room)
    assert set(bench.snapshots.keys) == {"not-ours"}
    assert [os.listdir(folder) for folder in (paths.containers, paths.volatile, paths.temporary, paths.subpaths)] == [
        [],
        [],
        [],
        [],
    ]
    assert bench.room.volumes.list() == [named]


async def test_what_containers_have_stays(bench: Bench) -> None:
    live = await bench.run(HostConfig={"NetworkMode": "none", "Binds": ["/data"]})
    [volume] = bench.room.volumes.list()
    assert not volume.pending
    os.makedirs(bench.room.paths.container(live.container.id).subpath(0))
    await orphans.sweep(bench.room)
    assert live.container.id in bench.snapshots.keys
    assert os.path.isdir(bench.room.paths.container(live.container.id).durable)
    assert os.listdir(bench.room.paths.subpaths)
    assert bench.room.volumes.list() == [volume]


async def test_a_volume_whose_container_came_to_be_in_the_last_moment_is_kept(bench: Bench) -> None:
    """The engine died between the container's row and the volume's."""
    live = await bench.create()
    volume = bench.room.volumes.ensure("", pending=True)
    bench.room.volumes.users = lambda name: [live.container.id]
    await orphans.sweep(bench.room)
    assert not bench.room.volumes.get(volume.name).pending
