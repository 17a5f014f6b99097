"""`GET /containers/{id}/changes`: what the container's own layer adds, changes and deletes (docker diff)."""

import asyncio
import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.containers.live import Live
from engine.containers.room import Room
from engine.descent import FOLDER, Descent
from proto.errdefs import Unimplemented

MODIFIED, ADDED, DELETED = 0, 1, 2
_OPAQUE = "trusted.overlay.opaque"
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


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


@dataclass(slots=True)
class _Level:
    """A folder on the way down: its path, what is still to be looked at in it, the layers that show through it."""

    path: str
    names: Iterator[str]
    layers: list[Descent]


def compare(upper: str, lower: list[str]) -> Iterator[dict[str, Any]]:
    """Walk the upper folder, while its container may be changing it; links are never followed."""
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(_begin(upper))
        layers = [stack.enter_context(_begin(layer, nearest=1)) for layer in lower if os.path.isdir(layer)]
        levels = [_Level("", iter(sorted(os.listdir(place.fd))), layers)]
        while levels:
            level = levels[-1]
            name = next(level.names, None)
            if name is None:
                levels.pop()
                if levels:
                    for one in (place, *level.layers):
                        one.leave()
                continue
            change, below = _entry(place, level, name)
            if change is not None:
                yield {"Path": f"{level.path}/{name}", "Kind": change}
            if below is not None:
                levels.append(below)


def _begin(path: str, nearest: int = 16) -> Descent:
    fd = os.open(path, FOLDER)
    try:
        return Descent(fd, nearest)
    finally:
        os.close(fd)


def _entry(place: Descent, level: _Level, name: str) -> tuple[int | None, _Level | None]:
    """What one name says has changed; for a folder the level below, which has been entered."""
    try:
        found = os.stat(name, dir_fd=place.fd, follow_symlinks=False)
    except FileNotFoundError:
        return None, None  # the container has removed it meanwhile
    if _is_whiteout(found):
        return DELETED, None
    known = _known(level.layers, name)
    if not stat.S_ISDIR(found.st_mode):
        return ADDED if known is None else MODIFIED, None
    try:
        place.enter(name)
    except OSError as error:
        if error.errno in _GONE:
            return None, None  # the container has put something else there meanwhile
        raise
    names = sorted(os.listdir(place.fd))
    changed = ADDED if known is None else MODIFIED if _differs(found, known) or names else None
    layers = [] if known is None or _is_opaque(place.fd) else _merged(level.layers, name)
    return changed, _Level(f"{level.path}/{name}", iter(names), layers)


def _merged(layers: list[Descent], name: str) -> list[Descent]:
    """The layers whose folder of that name shows through: none from below something else, or an opaque one."""
    found = []
    for layer in layers:
        try:
            if not stat.S_ISDIR(os.stat(name, dir_fd=layer.fd, follow_symlinks=False).st_mode):
                break
        except FileNotFoundError:
            continue
        layer.enter(name)
        found.append(layer)
        if _is_opaque(layer.fd):
            break
    return found


def _known(layers: list[Descent], name: str) -> os.stat_result | None:
    for layer in layers:
        try:
            found = os.stat(name, dir_fd=layer.fd, follow_symlinks=False)
        except FileNotFoundError:
            continue
        return None if _is_whiteout(found) else found
    return None


def _is_whiteout(found: os.stat_result) -> bool:
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


def _differs(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_mode, one.st_uid, one.st_gid) != (other.st_mode, other.st_uid, other.st_gid)


def _is_opaque(folder: int) -> bool:
    try:
        return os.getxattr(folder, _OPAQUE) == b"y"
    except OSError:
        return False
