"""`POST /containers/prune`."""

import time
from typing import Any

from engine import timestamps
from engine.containers import listing, remove
from engine.containers.live import Live
from engine.containers.room import Room
from engine.filters import Filters
from proto.errdefs import Fault, InvalidArgument

FILTERS = frozenset({"label", "label!", "until"})


async def prune(room: Room, filters: Filters, *, dry_run: bool = False) -> dict[str, Any]:
    """Remove what does not run and matches; a dry run only says what that would be."""
    if len(filters.get("until")) > 1:
        raise InvalidArgument("more than one until filter specified")
    until = timestamps.since_ns(filters.get("until")[0]) if "until" in filters else time.time_ns()
    chosen = [live for live in room.registry if _prunable(live, filters, until)]
    sizes = await listing.sizes(room, chosen)
    if dry_run:
        gone = [live.container.id for live in chosen]
        return {"ContainersDeleted": gone or None, "SpaceReclaimed": sum(sizes[name][0] for name in gone)}
    deleted, freed = [], 0
    for live in chosen:
        try:
            await remove.remove(room, live)
        except Fault:
            continue  # started or removed meanwhile
        deleted.append(live.container.id)
        freed += sizes[live.container.id][0]
    room.bus.publish("container", "prune", "", {"reclaimed": str(freed)})
    return {"ContainersDeleted": deleted or None, "SpaceReclaimed": freed}


def _prunable(live: Live, filters: Filters, until: int) -> bool:
    container = live.container
    return (
        not container.state.running
        and timestamps.to_ns(container.created) <= until
        and filters.labels_match("label", container.labels)
        and not ("label!" in filters and filters.labels_match("label!", container.labels))
    )
