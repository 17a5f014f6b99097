"""`GET /containers/{id}/changes`: what the container's own layer adds, changes and deletes (docker diff)."""

import asyncio
import errno
import os
import stat
from collections.abc import Iterator
from typing import Any

from engine.containers.live import Live
from engine.containers.room import Room
from proto.errdefs import Unimplemented

MODIFIED, ADDED, DELETED = 0, 1, 2
_OPAQUE = "trusted.overlay.opaque"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


async def changes(room: Room, live: Live) -> list[dict[str, Any]]:
    """Read from the snapshot's upper folder."""
    return await room.metrics.container_actions.waited("changes", _changes(room, live))


async def _changes(room: Room, live: Live) -> list[dict[str, Any]]:
    mounts = await room.supervisor.snapshots.mounts(live.container.id)
    options = dict(option.partition("=")[::2] for mount in mounts for option in mount.options)
    if len(mounts) != 1 or mounts[0].type != "overlay" or "upperdir" not in options:
        raise Unimplemented("changes are only known for overlay snapshots")
    lower = options["lowerdir"].split(":")
    return await asyncio.to_thread(lambda: list(compare(options["upperdir"], lower)))


def compare(upper: str, lower: list[str]) -> Iterator[dict[str, Any]]:
    """Walk the upper folder, while its container may be changing it; links are never followed."""
    root = os.open(upper, _FOLDER)
    try:
        yield from _below(root, lower, "")
    finally:
        os.close(root)


def _below(folder: int, lower: list[str], path: str) -> Iterator[dict[str, Any]]:
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        name = f"{path}/{entry.name}"
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # the container has removed it meanwhile
        if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
            yield {"Path": name, "Kind": DELETED}
            continue
        known = _known(lower, name)
        if stat.S_ISDIR(found.st_mode):
            yield from _folder(folder, entry.name, found, known, lower, name)
        else:
            yield {"Path": name, "Kind": ADDED if known is None else MODIFIED}


def _folder(
    parent: int, own: str, found: os.stat_result, known: os.stat_result | None, lower: list[str], name: str
) -> Iterator[dict[str, Any]]:
    """A folder and all below it; nothing where the container has put something else meanwhile."""
    try:
        folder = os.open(own, _FOLDER, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return
        raise
    try:
        if known is None:
            yield {"Path": name, "Kind": ADDED}
        elif _differs(found, known) or os.listdir(folder):
            yield {"Path": name, "Kind": MODIFIED}
        yield from _below(folder, [] if known is None or _is_opaque(folder) else _merged(lower, name), name)
    finally:
        os.close(folder)


def _merged(lower: list[str], name: str) -> list[str]:
    """The layers whose folder of that name shows through: none from below something else, or an opaque one."""
    found = []
    for layer in lower:
        try:
            if not stat.S_ISDIR(os.lstat(layer + name).st_mode):
                break
        except OSError:
            continue
        found.append(layer)
        if _is_opaque(layer + name):
            break
    return found


def _known(lower: list[str], name: str) -> os.stat_result | None:
    for layer in lower:
        try:
            found = os.lstat(layer + name)
        except OSError:
            continue
        return None if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0 else found
    return None


def _differs(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_mode, one.st_uid, one.st_gid) != (other.st_mode, other.st_uid, other.st_gid)


def _is_opaque(path: str | int) -> bool:
    try:
        return os.getxattr(path, _OPAQUE) == b"y"
    except OSError:
        return False
