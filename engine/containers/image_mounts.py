"""Images as mounts (`type=image`): a snapshot of the container's own on top of the image, made at create, mounted from
start to exit, removed with the container. What is written to it stays with the container, as with dockerd.
"""

import contextlib
import os
from collections.abc import Iterator

from engine import kernel
from engine.containers import labelling
from engine.containers.model import Container, Mount
from engine.containers.room import Room
from engine.containers.rootfs import OWNER_LABEL, ROOT_LABEL
from engine.users import views
from engine.users.namespaces import Held
from engine.volumes import mounting
from proto.errdefs import NotFound


def _all(container: Container) -> Iterator[tuple[int, Mount]]:
    return ((number, mount) for number, mount in enumerate(container.mounts) if mount.kind == "image")


def key(container: Container, number: int) -> str:
    """The snapshot's name."""
    return f"{container.id}-image-{number}"


async def prepare(room: Room, container: Container) -> None:
    """Make the snapshots."""
    labels = {ROOT_LABEL: "wherry", OWNER_LABEL: container.id}
    for number, mount in _all(container):
        image = await room.images.resolve_quickly(mount.source)
        await room.supervisor.snapshots.prepare(key(container, number), image.top, labels)


async def forget(room: Room, container: Container) -> None:
    """Remove them; a second time is no error."""
    for number, _ in _all(container):
        with contextlib.suppress(NotFound):
            await room.supervisor.snapshots.remove(key(container, number))


async def mount_all(room: Room, container: Container, held: Held | None = None) -> None:
    """Mount them where the container's own mounts are bound from, as its user namespace sees them."""
    for number, mount in _all(container):
        mount.bound = room.paths.container(container.id).image(number)
        mounting.unmount(mount.bound)  # of a life that ended while nobody looked
        os.makedirs(mount.bound, exist_ok=True)
        mounts = labelling.mounts(room, container, await room.supervisor.snapshots.mounts(key(container, number)))
        if held is None:
            kernel.mount_all(mounts, mount.bound)
        else:
            views.mount_all(mounts, mount.bound, held, room.paths.temporary)


def unmount_all(room: Room, container: Container) -> None:
    """Let go of them; nothing to do is no error."""
    for number, _ in _all(container):
        place = room.paths.container(container.id).image(number)
        if os.path.isdir(place):
            mounting.unmount(place)
