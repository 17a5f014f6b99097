"""`POST /containers/{id}/kill`: send a signal; SIGKILL waits until the container has ended."""

import asyncio
import contextlib
import signal

from engine.containers import state
from engine.containers.live import Live
from engine.containers.room import Room
from engine.containers.signals import parse_signal
from proto.errdefs import Conflict, Fault, InvalidArgument, NotFound

_PATIENCE = 10.0


async def kill(room: Room, live: Live, name: str = "") -> None:
    """A client's kill."""
    container = live.container
    try:
        number = parse_signal(name) if name else signal.SIGKILL
    except InvalidArgument as fault:
        raise InvalidArgument(f"cannot kill container: {container.name}: {fault}") from None
    if not container.state.running:
        raise Conflict(f"cannot kill container: {container.name}: container {container.id} is not running")
    if container.state.status == "restarting":
        raise Conflict(f"cannot kill container: {container.name}: container {container.id} is restarting")
    if number in (signal.SIGKILL, _stop_signal(live)):
        container.manually_stopped = True  # dockerd: the restart policy is not to bring it back
        room.save(live)
    try:
        await send(room, live, number)
    except NotFound:
        pass  # it ended before the signal came: what was wanted
    except Fault as fault:
        raise type(fault)(f"cannot kill container: {container.name}: {fault}") from fault
    if number == signal.SIGKILL:
        await ended(live, _PATIENCE)


def _stop_signal(live: Live) -> int:
    return parse_signal(live.container.config["StopSignal"] or "TERM")


async def send(room: Room, live: Live, number: int) -> None:
    """A signal to the init; the event says which."""
    state.require_running(live.container)
    await room.supervisor.tasks.kill(live.container.id, number)
    if live.container.state.status == "paused" and number == signal.SIGKILL:
        await thaw(room, live)  # a frozen process cannot die
    room.announce(live.container, "kill", {"signal": str(int(number))})


async def thaw(room: Room, live: Live) -> None:
    """Let it run that it may end; it may have been let before, or have ended."""
    with contextlib.suppress(Fault):
        await room.supervisor.tasks.resume(live.container.id)


async def ended(live: Live, timeout: float | None) -> bool:
    """Has it ended within the time."""
    if not live.container.state.alive:
        return True
    try:
        async with asyncio.timeout(timeout):
            await live.exited.wait()
    except TimeoutError:
        return False
    return True
