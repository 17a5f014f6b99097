"""Events."""

import asyncio
import time

from engine.events.bus import RING, Bus, matches
from engine.filters import Filters


async def collect(bus: Bus, filters: Filters, since: str, until: str) -> list[str]:
    return [event.action async for event in bus.stream(filters, since, until)]


async def test_the_past_is_told_from_since_to_until() -> None:
    bus = Bus()
    for action in ("create", "start", "die"):
        bus.publish("container", action, "c1", {"image": "busybox", "name": "web"})
    now = str(time.time() + 0.05)
    assert await collect(bus, Filters(), "1", now) == ["create", "start", "die"]
    assert await collect(bus, Filters({"event": ["die"]}), "1", str(time.time())) == ["die"]


async def test_listeners_hear_what_comes() -> None:
    bus = Bus()
    heard = asyncio.ensure_future(collect(bus, Filters({"container": ["web"]}), "", str(time.time() + 0.3)))
    await asyncio.sleep(0.01)
    bus.publish("container", "start", "c1", {"name": "web"})
    bus.publish("container", "start", "c2", {"name": "other"})
    assert await heard == ["start"]
    assert bus.listeners == 0


async def test_the_ring_is_bounded_and_closing_ends_all() -> None:
    bus = Bus()
    for _ in range(RING + 10):
        bus.publish("image", "pull", "x")
    assert len(bus._ring) == RING
    heard = asyncio.ensure_future(collect(bus, Filters(), "", ""))
    await asyncio.sleep(0.01)
    bus.close()
    async with asyncio.timeout(1):
        await heard


async def test_filters_by_kind_label_and_image() -> None:
    bus = Bus()
    bus.publish("container", "exec_create: ls", "c1", {"image": "busybox:1", "name": "web", "a": "b"})
    (event,) = bus._ring
    for good in ({"event": ["exec_create"]}, {"type": ["container"]}, {"image": ["busybox"]}, {"label": ["a=b"]}):
        assert matches(event, Filters(good))
    for bad in (
        {"event": ["start"]},
        {"type": ["image"]},
        {"network": ["x"]},
        {"label": ["a=c"]},
        {"container": ["x"]},
    ):
        assert not matches(event, Filters(bad))
    assert event.to_json()["status"] == "exec_create: ls"
    assert event.to_json()["Actor"]["ID"] == "c1"
