"""`POST /containers/{id}/rename`."""

from engine.containers import names
from engine.containers.live import Live
from engine.containers.room import Room
from proto.errdefs import InvalidArgument


async def rename(room: Room, live: Live, name: str) -> None:
    """Give it another name."""
    if not name:
        raise InvalidArgument("Neither old nor new names may be empty")
    new, old = names.check(name), live.container.name
    async with live.lock:
        if new == old:
            raise InvalidArgument("Renaming a container with the same name as its current name")
        room.registry.rename(live, new)
    room.announce(live.container, "rename", {"oldName": f"/{old}"})
