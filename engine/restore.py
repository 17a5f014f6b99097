"""When the engine starts: what its records say is compared with what the supervisor has, and made true.

A container that runs goes on; one that ended meanwhile gets its exit code, its restart policy, its `--rm`; what
half-made or half-removed things a dead engine left are finished.
"""

import asyncio
import contextlib
import logging
import time

from engine import orphans
from engine.containers import exits, health, io, release, remove, restart_policy, start, user_namespace
from engine.containers.live import Live
from engine.containers.room import Room
from engine.containers.stdio import Stdio
from engine.supervisor_client.tasks import ExitStatus, seconds
from proto.containerd.types.task import task_pb2
from proto.errdefs import Fault

logger = logging.getLogger(__name__)

_KILLED = 137


async def restore(room: Room) -> None:
    """Everything that must be true before clients are answered."""
    tasks = {task.id: task for task in await room.supervisor.tasks.list()}
    await asyncio.gather(*(_reconcile(room, live, tasks.pop(live.container.id, None)) for live in room.registry))
    await _finish_removals(room)
    await orphans.sweep(room)
    user_namespace.tell_of_others(room)


async def repair(room: Room) -> None:
    """The supervisor is back after a break: what a start or a removal could not undo meanwhile is undone now."""
    tasks = {task.id for task in await room.supervisor.tasks.list()}
    for live in room.registry:
        container = live.container
        if container.id in tasks and not container.state.alive and not live.lock.locked():
            async with live.lock:
                if not container.state.alive:
                    await _half_started(room, live)
    await _finish_removals(room)


async def _finish_removals(room: Room) -> None:
    for container in room.registry.leftovers():
        with contextlib.suppress(Fault):
            await release.remains(room, container.id)
            await room.networks.release(container.id)
        await remove.sweep(room, container, volumes=container.takes_volumes)


async def _reconcile(room: Room, live: Live, task: task_pb2.Process | None) -> None:
    container = live.container
    async with live.lock:
        try:
            if container.state.status == "removing":
                container.state.status = "exited"
                await remove.discard(room, live, volumes=container.takes_volumes)
            elif container.state.alive:
                await _was_running(room, live, task)
            elif task is not None:
                await _half_started(room, live)
        except Fault as fault:
            logger.warning("restoring %s: %s", container.id, fault)


async def _was_running(room: Room, live: Live, task: task_pb2.Process | None) -> None:
    container = live.container
    if task is None or task.status == task_pb2.Status.CREATED:
        await release.remains(room, container.id)
        await exits.settle(room, live, ExitStatus(0, _KILLED, time.time()))
        return
    if task.status == task_pb2.Status.STOPPED:
        live.stdio = _streams(room, live)
        ended = ExitStatus(task.pid, task.exit_status, seconds(task.exited_at))
        await exits.settle(room, live, ended)
        return
    container.state.pid = task.pid
    container.state.status = "paused" if task.status == task_pb2.Status.PAUSED else "running"
    live.stdio = _streams(room, live)
    await room.networks.allocate(container.id, container.config, container.host_config, container.endpoints)
    room.save(live)
    health.begin(room, live, again=True)


def _streams(room: Room, live: Live) -> Stdio | None:
    try:
        return io.find(room, live.container)
    except OSError as error:  # the FIFOs are gone: their log ends here, the container does not
        logger.warning("streams of %s: %s", live.container.id, error)
        return None


async def _half_started(room: Room, live: Live) -> None:
    """The engine died between creating the task and noting that it runs."""
    await release.remains(room, live.container.id)
    await room.networks.release(live.container.id)


async def start_policies(room: Room) -> None:
    """Containers that a policy wants running, and that ended before or with the last engine."""
    for live in room.registry:
        container = live.container
        if container.state.status == "restarting":
            live.restart = room.background.spawn(f"restart of {container.id}", exits.restart_after(room, live, 0))
        elif not container.state.running and restart_policy.wants_start_at_boot(
            container.host_config["RestartPolicy"],
            exit_code=container.state.exit_code,
            manually_stopped=container.manually_stopped,
        ):
            if container.state.status == "created":
                continue
            try:
                async with live.lock:
                    await start.launch(room, live)
            except Fault as fault:
                logger.warning("starting %s: %s", container.id, fault)
