"""The size of a terminal: of a container's init or of an exec."""

import asyncio

from engine.containers import state
from engine.containers.execs import Exec
from engine.containers.live import Live
from engine.containers.room import Room
from proto.errdefs import Conflict

_PATIENCE = 10.0


async def resize(room: Room, live: Live, height: int, width: int) -> None:
    """The init's terminal."""
    state.require_running(live.container)
    await room.supervisor.tasks.resize(live.container.id, width, height)
    room.announce(live.container, "resize", {"height": str(height), "width": str(width)})


async def resize_exec(room: Room, made: Exec, height: int, width: int, patience: float = _PATIENCE) -> None:
    """An exec's terminal; a client's first size may come before the process is there."""
    try:
        async with asyncio.timeout(patience):
            await made.launched.wait()
    except TimeoutError:
        raise Conflict(f"timeout waiting for exec session ready: {made.id}") from None
    await room.supervisor.tasks.resize(made.live.container.id, width, height, made.id)
