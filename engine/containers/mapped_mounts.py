"""Volumes and binds that show other owners than their files have on disk: bound once more, mapped, for one life.

A volume in a container with a user namespace has on disk the ids that containers see, whatever their mapping. A bind is
the host's, and stays as it is unless its `BindOptions.IDMapping` asks for more:

    {"Source": "userns"}                        as a volume's: ids on disk are ids in the container
    {"Source": "match-user", "User": "app"}     the source's owner is shown as that user, without a name as who runs the
                                                container; what that user makes there belongs to the owner
"""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from engine.containers import inputs
from engine.containers.model import Container, Mount
from engine.containers.room import Room
from engine.users.idmap import one_owner
from engine.users.namespaces import Held
from engine.volumes import subpaths
from proto.containerd.types import mount_pb2
from proto.errdefs import InvalidArgument

Json = dict[str, Any]

USERNS, MATCH_USER = "userns", "match-user"


def parse(asked: Json | None) -> str:
    """BindOptions.IDMapping as a mount keeps it; "" for none."""
    if not asked:
        return ""
    source, user = asked.get("Source") or "", asked.get("User") or ""
    if unknown := set(asked) - {"Source", "User"}:
        raise InvalidArgument(f"IDMapping.{min(unknown)} is not built into this engine")
    if source not in (USERNS, MATCH_USER):
        raise InvalidArgument(f'invalid IDMapping source: "{source}" (must be one of {MATCH_USER}, {USERNS})')
    if user and source != MATCH_USER:
        raise InvalidArgument(f"IDMapping.User must not be set with the source {source}")
    return f"{source}:{user}" if user else str(source)


def check(container: Container) -> None:
    """Refuse at create what has no mapping to follow."""
    if container.ids is None and any(mount.mapping == USERNS for mount in container.mounts):
        raise InvalidArgument("IDMapping source userns: the container has no user namespace of its own")


def is_mapped(mount: Mount) -> bool:
    """Its files have on disk the ids that containers see: volumes of the engine's own, not folders of the host, nor
    volumes that are mounts themselves, which stay as they are, as with dockerd.
    """
    return mount.mapping == USERNS or (mount.kind == "volume" and not mount.own_mount)


async def place(
    room: Room, container: Container, number: int, held: Held | None, mounts: Sequence[mount_pb2.Mount]
) -> None:
    """Bind a mount's source where the container's own mount is bound from, if there is a reason to."""
    mount = container.mounts[number]
    place = room.paths.container(container.id).subpath(number)
    userns = held.fd if held is not None and is_mapped(mount) else None
    if mount.subpath:
        source = mount.bound if mount.kind == "image" else mount.source
        subpaths.bind(source, mount.subpath, place, userns)
    elif mount.mapping.startswith(MATCH_USER):
        if not await _bind_matched(room, container, mount, place, mounts):
            return
    elif userns is not None:
        subpaths.bind_whole(mount.source, place, userns)
    else:
        return
    mount.bound = place


async def _bind_matched(
    room: Room, container: Container, mount: Mount, place: str, mounts: Sequence[mount_pb2.Mount]
) -> bool:
    """False: owner and user are the same."""
    wanted = mount.mapping.partition(":")[2] or container.config["User"]
    user = await inputs.user_of(room, container, mounts, wanted)
    seen = (user.uid, user.gid) if container.ids is None else container.ids.to_host(user.uid, user.gid)
    found = await asyncio.to_thread(os.stat, mount.source)
    disk = (found.st_uid, found.st_gid)
    if disk == seen:
        return False
    async with room.keeper.held(one_owner(disk, seen)) as shown:
        subpaths.bind_whole(mount.source, place, shown.fd)
    return True
