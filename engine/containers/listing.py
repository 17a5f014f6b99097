"""`GET /containers/json`: which containers, in which order."""

import asyncio
from collections.abc import Callable
from typing import Any

from engine import timestamps
from engine.containers import state
from engine.containers.live import Live
from engine.containers.room import Room
from engine.filters import Filters
from proto.errdefs import Fault, InvalidArgument, NotFound

FILTERS = frozenset(
    {
        "ancestor",
        "before",
        "exited",
        "expose",
        "health",
        "id",
        "is-task",
        "isolation",
        "label",
        "name",
        "network",
        "publish",
        "since",
        "status",
        "volume",
    }
)
_HEALTH = ("none", "starting", "healthy", "unhealthy")


def choose(room: Room, filters: Filters, *, everything: bool = False, limit: int = -1) -> list[Live]:
    """The containers a client wants to see, the newest first."""
    _check(filters)
    everything = everything or limit > 0 or "status" in filters or "exited" in filters
    newest_first = sorted(room.registry, key=lambda live: timestamps.to_ns(live.container.created), reverse=True)
    before, since = _edge(room, filters, "before"), _edge(room, filters, "since")
    chosen: list[Live] = []
    for live in newest_first:
        created = timestamps.to_ns(live.container.created)
        if (before is not None and created >= before) or (since is not None and created <= since):
            continue
        if (everything or before or since or live.container.state.running) and _matches(room, live, filters):
            chosen.append(live)
            if 0 < limit <= len(chosen):
                break
    return chosen


def _check(filters: Filters) -> None:
    for status in filters.get("status"):
        if status not in state.TRANSITIONS:
            raise InvalidArgument(
                f"invalid filter 'status={status}': invalid value for state ({status}): "
                "must be one of created, running, paused, restarting, removing, exited, dead"
            )
    for health in filters.get("health"):
        if health not in _HEALTH:
            raise InvalidArgument(
                f"invalid filter 'health={health}': invalid value for health ({health}): must be one of "
                f"{', '.join(_HEALTH)}"
            )
    for code in filters.get("exited"):
        try:
            int(code)
        except ValueError:
            raise InvalidArgument(
                f"invalid filter 'exited={code}': strconv.Atoi: parsing \"{code}\": invalid syntax"
            ) from None
    filters.boolean("is-task")
    for name in ("publish", "expose"):
        for word in filters.get(name):
            port_span(name, word)


def _edge(room: Room, filters: Filters, name: str) -> int | None:
    """The creation time of the container that `before` or `since` names (the last one, as in dockerd)."""
    edge = None
    for reference in filters.get(name):
        try:
            edge = timestamps.to_ns(room.registry.find(reference).container.created)
        except NotFound:
            raise NotFound(f"No such container: {reference}") from None
    return edge


def _matches(room: Room, live: Live, filters: Filters) -> bool:
    container = live.container
    health = container.state.health
    exited = filters.get("exited")
    return (
        filters.exact("status", container.state.status)
        and filters.pattern("name", container.name, f"/{container.name}")
        and filters.pattern("id", container.id)
        and filters.labels_match("label", container.labels)
        and filters.exact("health", health.status if health else "none")
        and not (
            exited
            and (
                str(container.state.exit_code) not in [str(int(code)) for code in exited]
                or container.state.running
                or container.state.started_at == timestamps.ZERO
            )
        )
        and filters.boolean("is-task") is not True
        and _ancestor(live, filters)
        and _volume(live, filters)
        and _network(room, live, filters)
        and _ports(live, filters)
    )


def _ancestor(live: Live, filters: Filters) -> bool:
    wanted = filters.get("ancestor")
    image, name = live.container.image_id, live.container.config["Image"]
    return not wanted or any(
        word in (name, image)
        or f"{word}:latest" == name
        or word == f"{name}:latest"
        or (len(word) >= 4 and image.removeprefix("sha256:").startswith(word.removeprefix("sha256:")))
        for word in wanted
    )


def _volume(live: Live, filters: Filters) -> bool:
    wanted = filters.get("volume")
    known = {
        place for mount in live.container.mounts for place in (mount.name, mount.source, mount.destination) if place
    }
    return not wanted or bool(known & set(wanted))


def _network(room: Room, live: Live, filters: Filters) -> bool:
    wanted = filters.get("network")
    if not wanted:
        return True
    container = live.container
    settings = room.networks.settings(container.id, container.host_config, container.endpoints)
    known = set()
    for name, endpoint in (settings.get("Networks") or {}).items():
        known |= {name, endpoint.get("NetworkID") or name}
    return bool(known & set(wanted))


def _ports(live: Live, filters: Filters) -> bool:
    published = set(live.container.host_config["PortBindings"] or {})
    exposed = set(live.container.config["ExposedPorts"] or {})
    return _any_port(filters.get("publish"), published) and _any_port(filters.get("expose"), exposed)


def _any_port(wanted: list[str], ports: set[str]) -> bool:
    spans = [port_span("", word) for word in wanted]
    return not spans or any(f"{number}/{protocol}" in ports for numbers, protocol in spans for number in numbers)


def port_span(name: str, word: str) -> tuple[range, str]:
    """`80`, `80-90`, `80/udp`: the ports of a filter and their protocol; raises InvalidArgument."""
    span, _, protocol = word.partition("/")
    first, dash, last = span.partition("-")
    for text in (first, last) if dash else (first,):
        if not (text.isascii() and text.isdecimal()):
            raise InvalidArgument(
                f'error while looking up for {name} {word}: strconv.ParseUint: parsing "{text}": invalid syntax'
            )
        if len(text) > 5 or int(text) > 65535:
            raise InvalidArgument(
                f'error while looking up for {name} {word}: strconv.ParseUint: parsing "{text}": value out of range'
            )
    return range(int(first), int(last if dash else first) + 1), protocol or "tcp"


MEASURED_AT_ONCE = 8  # a thousand calls begun together keep the loop for half a second


async def sizes(room: Room, chosen: list[Live]) -> dict[str, tuple[int, int]]:
    """(SizeRw, SizeRootFs) of each; what several stand on is measured once."""
    below: dict[str, int] = {}
    for chain_id in {live.container.chain_id for live in chosen}:
        below[chain_id] = await _stack(room, chain_id)
    found: dict[str, tuple[int, int]] = {}
    for first in range(0, len(chosen), MEASURED_AT_ONCE):
        some = chosen[first : first + MEASURED_AT_ONCE]
        measured = await asyncio.gather(*(_size(room, live, below[live.container.chain_id]) for live in some))
        found |= {live.container.id: size for live, size in zip(some, measured, strict=True)}
    return found


async def _stack(room: Room, chain_id: str) -> int:
    """What the layers of an image take, from the top one down."""
    snapshots, total, key = room.supervisor.snapshots, 0, chain_id
    try:
        while key:
            total += (await snapshots.usage(key))[0]
            key = (await snapshots.stat(key)).parent
    except Fault:
        return 0
    return total


async def _size(room: Room, live: Live, below: int) -> tuple[int, int]:
    try:
        own, _ = await room.supervisor.snapshots.usage(live.container.id)
    except Fault:
        return 0, 0
    return own, own + below


SLICE = 16  # containers that are shown before others have their turn: a thousand are a quarter of a second


async def shown(chosen: list[Live], show: Callable[[Live], dict[str, Any]]) -> list[dict[str, Any]]:
    """Each one's document, made in slices: whoever asks meanwhile is answered in between."""
    documents = []
    for number, live in enumerate(chosen, 1):
        documents.append(show(live))
        if number % SLICE == 0:
            await asyncio.sleep(0)
    return documents
