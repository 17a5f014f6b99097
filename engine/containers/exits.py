"""Task events → state: what an exit means, in one place, one container's events in the order they came.

An exit is handled under the container's lock: the task is deleted (which waits for its last output), waiters hear,
then the network and the record go, then the restart policy or `--rm` has its say.
"""

import asyncio
import contextlib
import logging
import time

from engine import timestamps
from engine.containers import health, release, remove, restart_policy, start, state
from engine.containers.live import Live
from engine.containers.room import Room
from engine.supervisor_client.tasks import ExitStatus, seconds
from proto.containerd.events import task_pb2
from proto.containerd.types import event_pb2
from proto.containerd.types.task import task_pb2 as task_status_pb2
from proto.errdefs import Fault, NotFound

logger = logging.getLogger(__name__)

FILTERS = ('topic~="^/tasks/(exit|oom)$"',)


class Exits:
    """Hands each event to its container."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def handle(self, envelope: event_pb2.Envelope) -> None:
        """One event of the supervisor's stream."""
        if envelope.namespace != self._room.supervisor_namespace:
            return
        match envelope.topic:
            case "/tasks/exit":
                event = task_pb2.TaskExit.FromString(envelope.event.value)
                self._exit(event)
            case "/tasks/oom":
                live = self._room.registry.get(task_pb2.TaskOOM.FromString(envelope.event.value).container_id)
                if live is not None:
                    live.container.state.oom_killed = True
                    self._room.save(live)
                    self._room.announce(live.container, "oom")

    async def catch_up(self) -> None:
        """Look for exits that no event told of."""
        tasks = {task.id: task for task in await self._room.supervisor.tasks.list()}
        for live in self._room.registry:
            task = tasks.get(live.container.id)
            if not live.container.state.alive or live.lock.locked():
                continue
            if task is None:
                lost = ExitStatus(0, 137, time.time())
                self._room.background.spawn(f"exit of {live.container.id}", init_exited(self._room, live, lost))
            elif task.status == task_status_pb2.Status.STOPPED:
                ended = ExitStatus(task.pid, task.exit_status, seconds(task.exited_at))
                self._room.background.spawn(f"exit of {live.container.id}", init_exited(self._room, live, ended))

    def _exit(self, event: task_pb2.TaskExit) -> None:
        live = self._room.registry.get(event.container_id)
        if live is None:
            return
        status = ExitStatus(event.pid, event.exit_status, seconds(event.exited_at))
        if event.id == event.container_id:
            self._room.background.spawn(f"exit of {event.container_id}", init_exited(self._room, live, status))
        elif event.id in live.execs:
            live.execs[event.id].ended(status)


async def init_exited(room: Room, live: Live, status: ExitStatus) -> None:
    """The container's init has ended."""
    async with live.lock:
        container = live.container
        if not container.state.alive or (status.pid and status.pid != container.state.pid):
            return  # told before
        await settle(room, live, status)


async def settle(room: Room, live: Live, status: ExitStatus) -> None:
    """Make the state, the waiters and the policy follow an exit; the lock is held."""
    container = live.container
    health.end(live)
    await _let_go(room, live)
    ran_for = time.time() - timestamps.to_ns(container.state.started_at) / 1e9
    restarting = will_restart(room, live, status.status)
    state.advance(container, "restart" if restarting else "exit")
    _note(live, status)
    goes = container.auto_remove and not restarting and not room.closing and not live.by_hand
    if not goes:
        room.save(live)
    room.announce(container, "die", {"exitCode": str(status.status), "execDuration": str(max(0, int(ran_for)))})
    live.exited.set()
    live.wake("next-exit")
    live.wake("not-running")  # also before a restart: it does not run now
    if goes:
        await remove.discard(room, live, volumes=True)  # the record goes with the rest
        return
    await release.forget_record(room, container.id)
    if restarting:
        _restart_later(room, live, ran_for)


def _note(live: Live, status: ExitStatus) -> None:
    """The exit in the container's state, and in its execs', which ended with it."""
    now = live.container.state
    now.pid = 0
    now.exit_code = status.status
    now.finished_at = timestamps.from_seconds(status.exited_at) if status.exited_at > 0 else timestamps.now()
    for process in live.execs.values():
        process.ended(ExitStatus(0, 137, status.exited_at))


def will_restart(room: Room, live: Live, exit_code: int) -> bool:
    """The policy's answer, unless the engine is on its way out."""
    container = live.container
    return not room.closing and restart_policy.wants_restart(
        container.host_config["RestartPolicy"],
        exit_code=exit_code,
        restarts=container.restart_count,
        manually_stopped=container.manually_stopped,
        unhealthy=container.state.health is not None and container.state.health.status == "unhealthy",
    )


async def _let_go(room: Room, live: Live) -> None:
    """The task, whose deletion waits for its last output, and the network of the life that ended."""
    container_id = live.container.id
    results = await asyncio.gather(
        room.supervisor.tasks.delete(container_id),
        room.metrics.network_actions.waited("release", room.networks.release(container_id)),
        return_exceptions=True,
    )
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, NotFound):
            logger.warning("cleaning up after %s: %s", container_id, result)
    if live.stdio is not None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):  # a process that left the container may hold its output open for ever
                await live.stdio.drained()
        live.stdio.close()
        live.stdio = None
    for mount in live.container.mounts:
        if mount.kind == "volume":
            release.announce_volume(room, live.container, mount, "unmount")
    release.files(room, live.container)


def _restart_later(room: Room, live: Live, ran_for: float) -> None:
    live.backoff = restart_policy.next_delay(live.backoff, ran_for)
    live.restart = room.background.spawn(f"restart of {live.container.id}", restart_after(room, live, live.backoff))


async def restart_after(room: Room, live: Live, delay: float) -> None:
    """Wait the policy's time, then start again, unless somebody decided otherwise meanwhile."""
    await asyncio.sleep(delay)
    async with live.lock:
        if live.restart is not asyncio.current_task() or live.container.state.status != "restarting":
            return
        live.restart = None
        live.container.restart_count += 1
        try:
            await start.launch(room, live)
        except Fault as fault:
            logger.warning("restarting %s: %s", live.container.id, fault)
            live.wake("not-running")
