"""Docker's event stream: the last 256 events for those who ask about the past, and a queue for each who listens.

A listener that does not read is cut off once its queue is full, rather than holding the engine's memory or its work.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine import timestamps
from engine.filters import Filters

RING = 256
QUEUE = 4096


@dataclass(frozen=True, slots=True)
class Event:
    """One event."""

    kind: str  # container, image, network, volume, daemon
    action: str
    actor: str
    attributes: Mapping[str, str]
    time_ns: int

    def to_json(self, *, old_names: bool = True) -> dict[str, Any]:
        """The line a client reads; containers and images carry the old names too, for clients that may want them."""
        document: dict[str, Any] = {}
        if not old_names:
            pass
        elif self.kind == "container":
            document = {"status": self.action, "id": self.actor, "from": self.attributes.get("image", "")}
        elif self.kind == "image":
            document = {"status": self.action, "id": self.actor}
        return document | {
            "Type": self.kind,
            "Action": self.action,
            "Actor": {"ID": self.actor, "Attributes": dict(self.attributes)},
            "scope": "local",
            "time": self.time_ns // 1_000_000_000,
            "timeNano": self.time_ns,
        }


class Bus:
    """Publish and subscribe."""

    def __init__(self) -> None:
        self._ring: deque[Event] = deque(maxlen=RING)
        self.published = 0
        self._listeners: set[asyncio.Queue[Event | None]] = set()

    def publish(self, kind: str, action: str, actor: str, attributes: Mapping[str, str] | None = None) -> None:
        """Tell everybody."""
        event = Event(kind, action, actor, dict(attributes or {}), time.time_ns())
        self._ring.append(event)
        self.published += 1
        for queue in list(self._listeners):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self._listeners.discard(queue)

    @property
    def listeners(self) -> int:
        """How many listen now (`docker info` shows it)."""
        return len(self._listeners)

    async def stream(self, filters: Filters, since: str = "", until: str = "") -> AsyncIterator[Event]:
        """Past events from `since`, then live ones until `until` (both as Docker's clients write them)."""
        since_ns, until_ns = timestamps.since_ns(since), timestamps.since_ns(until)
        queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE)
        self._listeners.add(queue)
        try:
            for event in list(self._ring) if since else ():
                if event.time_ns >= since_ns and (not until or event.time_ns <= until_ns) and matches(event, filters):
                    yield event
            async for event in self._live(queue, until_ns if until else None):
                if matches(event, filters):
                    yield event
        finally:
            self._listeners.discard(queue)

    async def _live(self, queue: "asyncio.Queue[Event | None]", until_ns: int | None) -> AsyncIterator[Event]:
        while queue in self._listeners or not queue.empty():
            left = None if until_ns is None else (until_ns - time.time_ns()) / 1e9
            if left is not None and left <= 0:
                return
            try:
                async with asyncio.timeout(left):
                    event = await queue.get()
            except TimeoutError:
                return
            if event is None:
                return
            yield event

    def close(self) -> None:
        """The engine ends: listeners read to the end and stop."""
        for queue in self._listeners:
            if not queue.full():
                queue.put_nowait(None)
        self._listeners.clear()


_OBJECT_FILTERS = {
    "container": "container",
    "image": "image",
    "network": "network",
    "volume": "volume",
    "daemon": "daemon",
}


def matches(event: Event, filters: Filters) -> bool:
    """Does an event pass a client's filters."""
    return (
        _any(filters.get("event"), (event.action, event.action.partition(":")[0]))
        and _any(filters.get("type"), (event.kind,))
        and _any(filters.get("scope"), ("local",))
        and filters.labels_match("label", event.attributes)
        and all(_object(event, kind, filters.get(kind)) for kind in _OBJECT_FILTERS)
    )


def _any(wanted: Iterable[str], values: Iterable[str]) -> bool:
    wanted = list(wanted)
    return not wanted or bool(set(wanted) & set(values))


def _object(event: Event, kind: str, wanted: list[str]) -> bool:
    if not wanted:
        return True
    if kind == "image" and event.kind == "container":
        return event.attributes.get("image", "") in wanted or event.attributes.get("image", "").split(":")[0] in wanted
    if event.kind != kind:
        return False
    name = event.attributes.get("name", "")
    return any(word in (name, event.actor) or event.actor.startswith(word) for word in wanted) or (
        kind == "image" and name.split(":")[0] in wanted
    )
