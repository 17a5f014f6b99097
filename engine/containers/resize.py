"""The size of a terminal: of a container's init or of an exec."""

from engine.containers import state
from engine.containers.execs import Exec
from engine.containers.live import Live
from engine.containers.room import Room
from proto.errdefs import Conflict


async def resize(room: Room, live: Live, height: int, width: int) -> None:
    """The init's terminal."""
    state.require_running(live.container)
    await room.supervisor.tasks.resize(live.container.id, width, height)
    room.announce(live.container, "resize", {"height": str(height), "width": str(width)})


async def resize_exec(room: Room, made: Exec, height: int, width: int) -> None:
    """An exec's terminal."""
    if not made.started:
        raise Conflict(f"exec {made.id} has not been started")
    await room.supervisor.tasks.resize(made.live.container.id, width, height, made.id)
