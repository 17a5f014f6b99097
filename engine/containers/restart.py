"""`POST /containers/{id}/restart`."""

from engine.containers import release, start, stop
from engine.containers.live import Live
from engine.containers.room import Room


async def restart(room: Room, live: Live, *, timeout: int | None = None, name: str = "") -> None:
    """Stop if it runs, then start; `--rm` does not remove it in between."""
    container = live.container
    live.by_hand = True
    try:
        if container.state.alive:
            await stop.halt(room, live, timeout=timeout, name=name)
    finally:
        live.by_hand = False
    async with live.lock:
        release.cancel_restart(live)
        container.manually_stopped = False
        if not container.state.alive:
            await start.launch(room, live)
    room.announce(container, "restart")
