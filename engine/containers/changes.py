"""`GET /containers/{id}/changes`: what the container's own layer adds, changes and deletes (docker diff)."""

import asyncio
import os
import stat
from collections.abc import Iterator
from typing import Any

from engine.containers.live import Live
from engine.containers.room import Room
from proto.errdefs import Unimplemented

MODIFIED, ADDED, DELETED = 0, 1, 2
_OPAQUE = "trusted.overlay.opaque"


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
    """Walk the upper folder; links are never followed."""
    yield from _below(upper, lower, "")


def _below(upper: str, lower: list[str], path: str) -> Iterator[dict[str, Any]]:
    for entry in sorted(os.scandir(upper + path), key=lambda entry: entry.name):
        name = f"{path}/{entry.name}"
        found = entry.stat(follow_symlinks=False)
        if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
            yield {"Path": name, "Kind": DELETED}
            continue
        known = _known(lower, name)
        if known is None:
            yield {"Path": name, "Kind": ADDED}
        elif not stat.S_ISDIR(found.st_mode) or _differs(found, known) or _has_entries(upper + name):
            yield {"Path": name, "Kind": MODIFIED}
        if stat.S_ISDIR(found.st_mode):
            opaque = _is_opaque(upper + name)
            yield from _below(upper, [] if opaque or known is None else lower, name)


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


def _has_entries(path: str) -> bool:
    with os.scandir(path) as entries:
        return any(True for _ in entries)


def _is_opaque(path: str) -> bool:
    try:
        return os.getxattr(path, _OPAQUE) == b"y"
    except OSError:
        return False
