"""A container's user namespace: decided at create, made anew for each life, held until the runtime is in it."""

import asyncio
import contextlib
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from engine import kernel
from engine.containers.model import Container
from engine.containers.room import Room
from engine.spec import security
from engine.users import views
from engine.users.idmap import IdMap
from engine.users.namespaces import Held
from engine.users.ranges import parse_auto
from proto.containerd.types import mount_pb2
from proto.errdefs import Conflict, InvalidArgument, NotFound

logger = logging.getLogger(__name__)

Json = dict[str, Any]

_JOINING = ("NetworkMode", "IpcMode", "PidMode")


def decide(room: Room, container_id: str, host_config: Json) -> IdMap | None:
    """The mapping of a new container; None for the host's ids. Refuses, in dockerd's words, what cannot be together."""
    mode = host_config["UsernsMode"]
    size = parse_auto(mode)
    if mode not in ("", "host") and size is None:
        raise InvalidArgument(
            f"invalid userns mode: {mode}: host, auto and auto:size=NUMBER are built into this engine"
        )
    if mode == "host" or (room.remap is None and size is None):
        return None
    _check(host_config)
    others = _joined(room, host_config)
    if size is None:
        ids = room.remap
    elif others:
        ids = others[0].ids
    else:
        taken = [live.container.ids for live in room.registry]
        ids = room.ranges.take(container_id, size, [each for each in taken if each is not None])
    for other in others:
        if ids is None or other.ids != ids:
            raise InvalidArgument(
                f"cannot join a namespace of container {other.id}: it has other user ids than this container would have"
            )
    return ids


def _check(host_config: Json) -> None:
    if host_config["Privileged"]:
        raise InvalidArgument(
            "privileged mode is incompatible with user namespaces.  You must run the container in the host namespace "
            "when running privileged mode"
        )
    if host_config["NetworkMode"] == "host":
        raise InvalidArgument("cannot share the host's network namespace when user namespaces are enabled")
    if host_config["PidMode"] == "host":
        raise InvalidArgument("cannot share the host PID namespace when user namespaces are enabled")
    if security.parse(host_config["SecurityOpt"]).writable_cgroups is not None:
        raise InvalidArgument("option WritableCgroups conflicts with user namespaces and rootless mode")


def _joined(room: Room, host_config: Json) -> list[Container]:
    """The containers whose namespaces it shares, and so whose user namespace it has to be in."""
    modes = [host_config[key] for key in _JOINING]
    names = [mode.removeprefix("container:") for mode in modes if mode.startswith("container:")]
    return [room.registry.find(name).container for name in dict.fromkeys(names)]


@contextlib.asynccontextmanager
async def held(room: Room, container: Container) -> AsyncIterator[Held | None]:
    """The namespace of one life, for the length of its start."""
    if container.ids is None:
        yield None
        return
    async with room.keeper.held(container.ids, _of_others(room, container)) as found:
        yield found


def _of_others(room: Room, container: Container) -> str:
    """The path of the namespace that it shares with those whose other namespaces it shares; "" for one of its own."""
    paths: dict[tuple[int, int], str] = {}
    try:
        others = _joined(room, container.host_config)
    except NotFound:
        return ""  # the rooms that join have the words for it
    for other in others:
        if not other.state.alive:
            return ""
        path = f"/proc/{other.state.pid}/ns/user"
        found = os.stat(path)
        paths[found.st_dev, found.st_ino] = path
    if len(paths) > 1:
        raise Conflict("the containers whose namespaces are joined are in different user namespaces")
    return next(iter(paths.values()), "")


def tell_of_others(room: Room) -> None:
    """A container keeps the ids that it was made with: whoever has switched the mapping on is to know which do."""
    if room.remap is None:
        return
    names = [
        live.container.name
        for live in room.registry
        if not live.container.host_config["UsernsMode"] and live.container.ids != room.remap
    ]
    if names:
        logger.warning("made before userns-remap was what it is, and left as they are: %s", ", ".join(sorted(names)))


def give(files: Mapping[str, str], held: Held | None) -> None:
    """/etc/hosts and its like belong to the container's root, who may write to them."""
    if held is not None:
        for path in files.values():
            os.chown(path, *held.ids.root, follow_symlinks=False)


@contextlib.asynccontextmanager
async def seen(
    room: Room, mounts: Sequence[mount_pb2.Mount], held: Held | None
) -> AsyncIterator[list[mount_pb2.Mount]]:
    """How a shim mounts a snapshot: as the snapshotter says, or by binding what was mounted as the namespace sees it.

    A shim's own mount keeps the file system, so ours can go as soon as it is made. It is made outside of the
    container's folders, as those are deleted with all that is in them.
    """
    if held is None:
        yield list(mounts)
        return
    place = tempfile.mkdtemp(prefix="mount-", dir=room.paths.temporary)
    try:
        await asyncio.to_thread(views.mount_all, mounts, place, held, room.paths.temporary)
        try:
            yield [mount_pb2.Mount(type="bind", source=place, options=["rbind", "rw"])]
        finally:
            kernel.umount(place)
    finally:
        os.rmdir(place)
