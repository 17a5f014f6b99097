"""Events."""

import asyncio
import time

import pytest

from engine.events.bus import QUEUE, RING, Bus, Event, matches
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


def event(kind: str, action: str, actor: str, **attributes: str) -> Event:
    return Event(kind, action, actor, attributes, 1_700_000_000_123_456_789)


def test_a_containers_event_is_dockers_document() -> None:
    """The old names beside the new ones; seconds and nanoseconds."""
    assert event("container", "die", "c1", image="busybox", name="web", exitCode="0").to_json() == {
        "status": "die",
        "id": "c1",
        "from": "busybox",
        "Type": "container",
        "Action": "die",
        "Actor": {"ID": "c1", "Attributes": {"image": "busybox", "name": "web", "exitCode": "0"}},
        "scope": "local",
        "time": 1_700_000_000,
        "timeNano": 1_700_000_000_123_456_789,
    }


def test_other_kinds_have_no_old_names() -> None:
    """Images have two of them."""
    assert "from" not in event("image", "pull", "busybox").to_json()
    assert event("image", "pull", "busybox").to_json()["status"] == "pull"
    assert not {"status", "id", "from"} & set(event("network", "create", "n").to_json())


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, True),
        ({"event": ["health_status"]}, True),
        ({"event": ["health_status: healthy"]}, True),
        ({"event": ["health"]}, False),
        ({"container": ["web"]}, True),
        ({"container": ["c1"]}, True),
        ({"container": ["c"]}, True),
        ({"container": ["we"]}, False),
        ({"container": ["x", "web"]}, True),
        ({"image": ["busybox"]}, True),
        ({"image": ["busybox:1"]}, True),
        ({"image": ["busy"]}, False),
        ({"type": ["image", "container"]}, True),
        ({"scope": ["swarm"]}, False),
        ({"scope": ["local"]}, True),
        ({"label": ["a", "name=web"]}, True),
        ({"label": ["a", "b"]}, False),
        ({"volume": ["v"]}, False),
        ({"type": ["container"], "event": ["die"]}, False),
    ],
)
def test_filters_together(filters: dict[str, list[str]], found: bool) -> None:
    """One value of each is enough, and every filter must pass."""
    told = event("container", "health_status: healthy", "c1", image="busybox:1", name="web", a="1")
    assert matches(told, Filters(filters)) is found


async def test_a_listener_that_does_not_read_is_cut_off(bus: Bus) -> None:
    """It reads what it was promised, then its stream ends; nobody else notices."""
    slow = bus.stream(Filters())
    first = asyncio.ensure_future(anext(slow))
    await asyncio.sleep(0)
    for number in range(QUEUE + 10):
        bus.publish("container", str(number), "c")
    assert bus.listeners == 0
    assert (await first).action == "0"
    rest = [told.action async for told in slow]
    assert rest == [str(number) for number in range(1, QUEUE)]


async def test_what_is_told_cannot_be_changed_afterwards(bus: Bus) -> None:
    """The mapping is the bus's own."""
    attributes = {"a": "1"}
    bus.publish("container", "start", "c", attributes)
    attributes["a"] = "2"
    assert bus._ring[-1].attributes == {"a": "1"}


async def test_a_listener_that_leaves_is_forgotten(bus: Bus) -> None:
    """Ten thousand clients may come and go."""
    for _ in range(50):
        work = asyncio.ensure_future(anext(bus.stream(Filters())))
        await asyncio.sleep(0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert bus.listeners == 0


async def test_without_since_the_past_is_silent(bus: Bus) -> None:
    """Only what comes is heard."""
    bus.publish("container", "start", "c")
    assert await collect(bus, Filters(), "", str(time.time() + 0.01)) == []


@pytest.fixture
def bus() -> Bus:
    """An empty one."""
    return Bus()
