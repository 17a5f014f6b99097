"""`POST /containers/{id}/rename`."""

from engine.containers import names
from engine.containers.live import Live
from engine.containers.room import Room
from proto.errdefs import Fault, InvalidArgument


async def rename(room: Room, live: Live, name: str) -> None:
    """Give it another name."""
    if not name:
        raise InvalidArgument("Neither old nor new names may be empty")
    old = live.container.name
    async with live.lock:
        if name.removeprefix("/") == old:
            raise InvalidArgument("Renaming a container with the same name as its current name")
        try:
            room.registry.rename(live, names.check("/" + name.removeprefix("/")))
        except Fault as fault:
            raise type(fault)(f"Error when allocating new name: {fault}") from None
    room.announce(live.container, "rename", {"oldName": f"/{old}"})
