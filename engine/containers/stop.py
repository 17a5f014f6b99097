"""`POST /containers/{id}/stop`: the stop signal, time, then SIGKILL."""

import asyncio
import signal

from engine.containers import kill, release
from engine.containers.live import Live
from engine.containers.room import Room
from engine.containers.signals import parse_signal
from proto.errdefs import Conflict, Fault, Internal, NotFound, NotModified

DEFAULT_TIMEOUT = 10
_SETTLING = 10.0


async def stop(room: Room, live: Live, *, timeout: int | None = None, name: str = "") -> None:
    """A client's stop; 304 for what does not run."""
    container = live.container
    if container.state.status == "restarting":
        async with live.lock:
            release.cancel_restart(live)
            container.manually_stopped = True
            room.save(live)
        live.wake("not-running")
        room.announce(container, "stop")
        return
    if not container.state.running:
        raise NotModified(f"container {container.id} is already stopped")
    await halt(room, live, timeout=timeout, name=name)
    room.announce(container, "stop")


async def halt(room: Room, live: Live, *, timeout: int | None, name: str = "", manually: bool = True) -> None:
    """Bring it to an end, by force if need be; a negative timeout waits for ever. What is not stopped `manually` may
    start again by its policy.
    """
    container = live.container
    number = parse_signal(name or container.config["StopSignal"] or "TERM")
    seconds = timeout if timeout is not None else container.config["StopTimeout"]
    seconds = DEFAULT_TIMEOUT if seconds is None else seconds
    container.manually_stopped = manually or container.manually_stopped
    room.save(live)
    try:
        await kill.send(room, live, number)
    except (NotFound, Conflict):
        pass  # it is just ending
    except Fault:
        seconds = min(seconds, 2)  # the signal did not arrive: do not wait long for its effect
    if container.state.status == "paused":
        await kill.thaw(room, live)
    if await kill.ended(live, seconds if seconds >= 0 else None):
        await _settled(live)
        return
    try:
        await kill.send(room, live, signal.SIGKILL)
    except (NotFound, Conflict):
        pass  # ended at the last moment
    if not await kill.ended(live, _SETTLING):
        raise Internal(
            f"cannot stop container: {container.id}: tried to kill container, but did not receive an exit event"
        )
    await _settled(live)


async def _settled(live: Live) -> None:
    """Return after the exit has been dealt with whole: network released, record gone."""
    async with live.lock:
        await asyncio.sleep(0)
