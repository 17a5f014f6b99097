"""What a dead engine left of things that never came to be or were half gone, taken away when the next one starts.

Runs before clients are answered: nothing is being made meanwhile. Only what carries our mark or stands in our own
folders is touched, as the supervisor's namespace may have other users.
"""

import asyncio
import contextlib
import logging
import os
import shutil

from engine.containers.room import Room
from engine.containers.rootfs import OWNER_LABEL
from engine.volumes import mounting, subpaths
from proto.errdefs import Conflict, NotFound

logger = logging.getLogger(__name__)


async def sweep(room: Room) -> None:
    """All of it."""
    known = {live.container.id for live in room.registry} | {container.id for container in room.registry.leftovers()}
    await _snapshots(room, known)
    _temporary(room.paths.temporary)
    for parent in (room.paths.containers, room.paths.volatile):
        _folders(parent, known)
    alive = {live.container.id for live in room.registry if live.container.state.alive}
    for name in _listed(room.paths.subpaths):
        if name.rpartition("-")[0] not in alive:
            subpaths.release(f"{room.paths.subpaths}/{name}")
    await asyncio.to_thread(room.volumes.sweep)
    for volume in room.volumes.list():
        if volume.pending:
            try:
                room.volumes.remove(volume.name)
            except Conflict:
                room.volumes.keep([volume.name])


async def _snapshots(room: Room, known: set[str]) -> None:
    for info in await room.supervisor.snapshots.list():
        owner = info.labels.get(OWNER_LABEL)
        if owner and owner not in known:
            with contextlib.suppress(NotFound):
                await room.supervisor.snapshots.remove(info.name)


def _temporary(folder: str) -> None:
    """File systems that were mounted for a moment, and uploads."""
    for name in _listed(folder):
        _delete(f"{folder}/{name}")


def _folders(parent: str, known: set[str]) -> None:
    for name in _listed(parent):
        if name not in known:
            _delete(f"{parent}/{name}")


def _delete(path: str) -> None:
    """A tree of our own; what is mounted in it is let go of first, and if that fails, nothing is deleted."""
    try:
        mounting.unmount_below(path)
    except OSError as error:
        logger.warning("left behind by an earlier engine, and still mounted: %s: %s", path, error)
        return
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        os.unlink(path)


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
