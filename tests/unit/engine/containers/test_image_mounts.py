"""Images as mounts."""

from pathlib import Path

import pytest

from engine.containers import image_mounts, remove
from proto.errdefs import NotFound
from tests import needs
from tests.fakes.engine_room import Bench

MOUNT = {"Type": "image", "Source": "busybox", "Target": "/i", "ReadOnly": True}


async def test_an_image_has_a_snapshot_of_the_containers_own_until_it_goes(bench: Bench) -> None:
    live = await bench.create(HostConfig={"NetworkMode": "none", "Mounts": [MOUNT]})
    (mount,) = live.container.mounts
    assert (mount.kind, mount.source, mount.writable) == ("image", "busybox", False)
    assert image_mounts.key(live.container, 0) in bench.snapshots.keys
    await remove.remove(bench.room, live)
    assert not bench.snapshots.keys


async def test_a_missing_image_leaves_nothing_behind(bench: Bench) -> None:
    with pytest.raises(NotFound, match="No such image"):
        await bench.create(HostConfig={"NetworkMode": "none", "Mounts": [MOUNT | {"Source": "nope"}]})
    assert not bench.snapshots.keys


@needs.root
async def test_it_is_mounted_from_start_to_exit(bench: Bench) -> None:
    live = await bench.create(HostConfig={"NetworkMode": "none", "Mounts": [MOUNT]})
    await image_mounts.mount_all(bench.room, live.container)
    place = Path(live.container.mounts[0].bound)
    assert (place / "etc" / "passwd").exists()
    await image_mounts.mount_all(bench.room, live.container)  # a start after a crash
    image_mounts.unmount_all(bench.room, live.container)
    assert not list(place.iterdir())
