"""`DELETE /containers/{id}`: out of sight at once, in one transaction; then snapshot, files and volumes, also after
a crash.
"""

import asyncio
import contextlib
import logging
import shutil

from engine.containers import image_mounts, kill, release, state
from engine.containers.live import Live
from engine.containers.model import Container
from engine.containers.room import Room
from engine.containers.rootfs import Rootfs
from proto.errdefs import Conflict, Fault, Internal, InvalidArgument, NotFound

logger = logging.getLogger(__name__)


async def remove(room: Room, live: Live, *, force: bool = False, volumes: bool = False) -> None:
    """A client's rm."""
    container = live.container
    if container.state.status == "removing":
        raise Conflict(f"removal of container {container.id} is already in progress")
    while True:
        state.require_removable(container, force=force)
        if container.state.alive:
            await _force(room, live)
        async with live.lock:
            if room.registry.get(container.id) is None:
                return  # --rm was faster
            if container.state.alive:
                continue  # a start that was under way, a restart policy's perhaps, has come to its end
            release.cancel_restart(live)
            with room.metrics.container_actions.measure("delete"):
                await discard(room, live, volumes=volumes)
            return


def remove_link(room: Room, name: str) -> None:
    """`rm --link PARENT/ALIAS`: the parent is not told of the other any more when it starts next."""
    parent, slash, alias = name.strip("/").rpartition("/")
    if not slash:
        raise InvalidArgument("Conflict, cannot remove the default link name of the container")
    live = room.registry.find(parent)
    links = live.container.host_config["Links"] or []
    kept = [link for link in links if link.rpartition("/")[2].rpartition(":")[2] != alias]
    if len(kept) == len(links):
        raise NotFound(f"could not get parent {parent} and remove link name {alias}: no such link")
    live.container.host_config["Links"] = kept or None
    room.registry.save(live)


async def _force(room: Room, live: Live) -> None:
    container = live.container
    container.manually_stopped = True
    try:
        await kill.kill(room, live)
    except (Conflict, NotFound):
        pass  # just ended
    except Fault as fault:
        raise Internal(f'cannot remove container "{container.name}": could not kill container: {fault}') from fault
    if not await kill.ended(live, 10):
        raise Internal(f'cannot remove container "{container.name}": could not kill: did not receive an exit event')


async def discard(room: Room, live: Live, *, volumes: bool) -> None:
    """Remove what does not run; the lock is held. Those who wait hear when the name is free."""
    container = live.container
    if container.state.status != "removing":
        state.advance(container, "remove")
    container.takes_volumes = volumes
    room.registry.retire(live)
    room.announce(container, "destroy")
    release.end_attachers(live, NotFound(f"No such container: {container.id}"))
    live.wake("removed", "not-running", "next-exit")
    work = sweep(room, container, volumes=volumes, half_started=live.half_started)
    await asyncio.shield(room.background.spawn(f"removal of {container.id}", work))


async def sweep(room: Room, container: Container, *, volumes: bool, half_started: bool = False) -> None:
    """Delete what is left of a retired container; whatever fails is tried again when the engine starts.

    Of one that was `half_started` the supervisor, which was away, may still have a task.
    """
    try:
        if half_started:
            await release.remains(room, container.id)
            await room.networks.release(container.id)
        await release.forget_record(room, container.id)
        await Rootfs(room.supervisor, room.paths.temporary).remove(container.id)
        release.files(room, container)
        await image_mounts.forget(room, container)
    except Fault as fault:
        logger.warning("removing what is left of %s: %s", container.id, fault)
        return
    await asyncio.to_thread(shutil.rmtree, room.paths.container(container.id).durable, ignore_errors=True)
    if volumes:
        for mount in container.mounts:
            if mount.anonymous:
                with contextlib.suppress(Conflict, NotFound):
                    await room.volumes.erase(mount.name)
    room.registry.finish(container.id)
