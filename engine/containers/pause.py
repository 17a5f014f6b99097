"""`POST /containers/{id}/pause` and `/unpause`."""

from engine.containers import state
from engine.containers.live import Live
from engine.containers.room import Room
from proto.errdefs import Fault


async def pause(room: Room, live: Live) -> None:
    """Freeze."""
    async with live.lock:
        state.require_pausable(live.container)
        try:
            await room.supervisor.tasks.pause(live.container.id)
        except Fault as fault:
            raise type(fault)(f"cannot pause container {live.container.id}: {fault}") from fault
        state.advance(live.container, "pause")
        room.save(live)
    room.announce(live.container, "pause")


async def unpause(room: Room, live: Live) -> None:
    """Thaw."""
    async with live.lock:
        state.require_paused(live.container)
        try:
            await room.supervisor.tasks.resume(live.container.id)
        except Fault as fault:
            raise type(fault)(f"cannot unpause container {live.container.id}: {fault}") from fault
        state.advance(live.container, "unpause")
        room.save(live)
    room.announce(live.container, "unpause")
