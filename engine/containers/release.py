"""What a container holds while it lives, given back: its wait for a restart, its attachers, its files, its record."""

import contextlib
import logging
import os
import shutil

from engine import kernel
from engine.containers import image_mounts
from engine.containers.live import Live
from engine.containers.model import Container, Mount
from engine.containers.room import Room
from engine.volumes import subpaths
from proto.errdefs import FailedPrecondition, Fault, NotFound

logger = logging.getLogger(__name__)


def cancel_restart(live: Live) -> None:
    """A restart that waits for its time is no longer wanted."""
    if live.restart is not None:
        live.restart.cancel()
        live.restart = None
    if live.container.state.status == "restarting":
        live.container.state.status = "exited"


def end_attachers(live: Live, fault: Fault) -> None:
    """Clients that wait to be joined hear that there is nothing to join."""
    waiting, live.attachers = live.attachers, []
    for attacher in waiting:
        if not attacher.joined.done():
            attacher.joined.set_exception(fault)
            attacher.joined.exception()  # retrieved: a client that has gone is no error


def announce_volume(room: Room, container: Container, mount: Mount, action: str) -> None:
    """A container begins or ends to use a volume."""
    attributes = {"container": container.id, "driver": mount.driver}
    if action == "mount":
        writable = str(mount.writable).lower()
        attributes |= {"destination": mount.destination, "propagation": mount.propagation, "read/write": writable}
    room.bus.publish("volume", action, mount.name, attributes)


def files(room: Room, container: Container) -> None:
    """The volatile folder and the shared memory of one life."""
    paths = room.paths.container(container.id)
    shutil.rmtree(paths.volatile, ignore_errors=True)
    if os.path.ismount(paths.shm):
        kernel.umount(paths.shm)
    for number, mount in enumerate(container.mounts):
        if mount.bound and mount.bound == paths.subpath(number):
            subpaths.release(mount.bound)
        if mount.kind == "volume" and mount.own_mount and not _used_by_another(room, container, mount.name):
            room.volumes.deactivate(mount.name)
    image_mounts.unmount_all(room, container)


def _used_by_another(room: Room, container: Container, volume: str) -> bool:
    return any(
        live.container.id != container.id
        and live.container.state.alive
        and any(mount.name == volume for mount in live.container.mounts)
        for live in room.registry
    )


async def remains(room: Room, container_id: str) -> None:
    """Delete what the supervisor may still have of a container that is not running."""
    tasks, containers = room.supervisor.tasks, room.supervisor.containers
    with contextlib.suppress(NotFound, FailedPrecondition):
        await tasks.kill(container_id, 9)
    with contextlib.suppress(NotFound):
        await tasks.wait(container_id)
    with contextlib.suppress(NotFound):
        await tasks.delete(container_id)
    with contextlib.suppress(NotFound):
        await containers.delete(container_id)


async def forget_record(room: Room, container_id: str) -> None:
    """Delete the supervisor's record of a life that ended."""
    try:
        await room.supervisor.containers.delete(container_id)
    except NotFound:
        pass
    except Fault as fault:
        logger.warning("deleting the record of %s: %s", container_id, fault)
