"""Checkpoints of a container: folders of criu's images, below the container's own or where the client wants them.

The images are written and read by the supervisor's side, on this host: a checkpoint never passes through the content
store. A container of this name is started from one by `start`.
"""

import asyncio
import os
import re
import shutil

from engine.containers import state
from engine.containers.live import Live
from engine.containers.model import Container
from engine.containers.room import Room
from proto.errdefs import Fault, Internal, InvalidArgument, NotFound, PermissionDenied, Unimplemented

_ALLOWED = "[a-zA-Z0-9][a-zA-Z0-9_.-]"
_NAME = re.compile(rf"^{_ALLOWED}+\Z")

DISABLED = (
    "This experimental feature is disabled by default. "
    "Start the Docker daemon in experimental mode in order to enable it."
)


def require_experimental(room: Room) -> None:
    """dockerd has checkpoints in experimental mode only, and so have we."""
    if not room.config.experimental:
        raise Unimplemented(DISABLED)


async def create(room: Room, live: Live, name: str, *, folder: str, leave_running: bool) -> None:
    """Checkpoint a running container; what fails leaves it running, and no folder."""
    _check_name(name)
    async with live.lock:
        state.require_running(live.container)
        _require_restorable(live.container)
        place = _place(room, live.container, name, folder)
        try:
            _make(place, name, live.container)
        except (Fault, OSError) as error:
            raise Internal(f"cannot checkpoint container {_shown(live.container)}: {error}") from error
        try:
            await room.supervisor.tasks.checkpoint(live.container.id, place, leave_running=leave_running)
        except Fault as fault:
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
            raise Internal(f"Cannot checkpoint container {_shown(live.container)}: {fault}") from fault
    room.announce(live.container, "checkpoint")


def _require_restorable(container: Container) -> None:
    """criu makes a user namespace anew, and what is in it may not enter a network namespace that belongs to another."""
    if container.ids is not None:
        raise Unimplemented(
            f"cannot checkpoint container {_shown(container)}: it has a user namespace, and criu could not restore it"
        )


def listing(room: Room, container: Container, folder: str) -> list[str]:
    """The names of a container's checkpoints."""
    place = folder or room.paths.container(container.id).checkpoints
    try:
        with os.scandir(place) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except FileNotFoundError as error:
        if not folder:
            return []
        raise NotFound(f'checkpoint directory "{place}" does not exist for container {_shown(container)}') from error
    except NotADirectoryError as error:
        raise InvalidArgument(f'checkpoint directory "{place}" exists but is not a directory') from error


async def remove(room: Room, container: Container, name: str, folder: str) -> None:
    """Delete one."""
    _check_name(name)
    await asyncio.to_thread(shutil.rmtree, _existing(room, container, name, folder))


def require_usable(room: Room, name: str, folder: str) -> None:
    """Refuse a start from a checkpoint that can never work, whatever the container's state."""
    if name:
        _check_name(name)
        if not room.config.experimental:
            raise InvalidArgument("checkpoint is only supported in experimental mode")
    if folder:
        raise PermissionDenied("custom checkpointdir is not supported")


def to_start_from(room: Room, container: Container, name: str) -> str:
    """The folder that a start is to restore from; "" for an ordinary start."""
    return _existing(room, container, name, "") if name else ""


def _check_name(name: str) -> None:
    if not _NAME.match(name) or name.endswith("."):
        raise InvalidArgument(f'invalid checkpoint ID "{name}", only {_ALLOWED} are allowed')


def _place(room: Room, container: Container, name: str, folder: str) -> str:
    return os.path.join(folder or room.paths.container(container.id).checkpoints, name)


def _make(place: str, name: str, container: Container) -> None:
    if os.path.isdir(place):
        raise Internal(f"checkpoint with name {name} already exists for container {_shown(container)}")
    if os.path.lexists(place):
        raise Internal(f"{place} exists and is not a directory")
    os.makedirs(place, mode=0o700)


def _existing(room: Room, container: Container, name: str, folder: str) -> str:
    place = _place(room, container, name, folder)
    if not os.path.lexists(place):
        raise Internal(f"checkpoint {name} does not exist for container {_shown(container)}")
    if not os.path.isdir(place):
        raise Internal(f"{place} exists and is not a directory")
    return place


def _shown(container: Container) -> str:
    return container.name
