"""The exchange: every event, to everyone, in order."""

import asyncio
import threading

import pytest

from proto.containerd.events import task_pb2
from proto.errdefs import InvalidArgument, ResourceExhausted
from supervisor.core.events import Envelope
from supervisor.core.typed import TypedValue
from supervisor.events.exchange import Exchange, Subscription
from supervisor.events.topics import typed

EVENT = TypedValue("t", b"1")


async def take(subscription: Subscription, count: int) -> list[str]:
    async with asyncio.timeout(5):
        return [(await anext(subscription)).topic for _ in range(count)]


async def test_each_subscriber_gets_every_event_from_then_on() -> None:
    """In the order of publication."""
    exchange = Exchange()
    exchange.publish("ns", "/before", EVENT)
    one, two = exchange.subscribe(), exchange.subscribe()
    for number in range(3):
        exchange.publish("ns", f"/t/{number}", EVENT)
    assert await take(one, 3) == await take(two, 3) == ["/t/0", "/t/1", "/t/2"]


async def test_filters_choose_and_are_alternatives() -> None:
    """By namespace, topic and the event's own fields."""
    exchange = Exchange()
    subscription = exchange.subscribe(["namespace==b", 'topic~="/tasks/.+",event.container_id==c'])
    exchange.publish("a", "/tasks/exit", typed(task_pb2.TaskExit(container_id="other")))
    exchange.publish("a", "/tasks/exit", typed(task_pb2.TaskExit(container_id="c")))
    exchange.publish("b", "/images/create", EVENT)
    assert await take(subscription, 2) == ["/tasks/exit", "/images/create"]
    with pytest.raises(InvalidArgument, match="failed parsing subscription filters: filters: parse error"):
        exchange.subscribe(["=="])


async def test_threads_may_publish() -> None:
    """The waiting subscriber wakes."""
    exchange = Exchange()
    subscription = exchange.subscribe()
    waiting = asyncio.gather(take(subscription, 40))
    await asyncio.sleep(0)
    threads = [
        threading.Thread(target=lambda n=n: [exchange.publish("ns", f"/t{n}/{i}", EVENT) for i in range(10)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    ((topics,),) = (await waiting,)
    for thread in threads:
        thread.join()
    for number in range(4):
        assert [topic for topic in topics if topic.startswith(f"/t{number}/")] == [f"/t{number}/{i}" for i in range(10)]


async def test_a_closed_subscription_ends() -> None:
    """And the exchange forgets it; another is not disturbed."""
    exchange = Exchange()
    closed, other = exchange.subscribe(), exchange.subscribe()
    exchange.publish("ns", "/t", EVENT)
    closed.close()
    closed.close()
    assert [envelope async for envelope in closed] == []
    assert await take(other, 1) == ["/t"]


async def test_closing_the_exchange_ends_all_after_what_is_queued() -> None:
    """A server can then finish its streams."""
    exchange = Exchange()
    subscription = exchange.subscribe()
    exchange.publish("ns", "/t", EVENT)
    exchange.close()
    exchange.publish("ns", "/late", EVENT)
    assert [envelope.topic async for envelope in subscription] == ["/t"]


async def test_who_does_not_read_is_cut_off() -> None:
    """Told so, after what was queued."""
    exchange = Exchange(queue_limit=2)
    subscription = exchange.subscribe()
    for number in range(4):
        exchange.publish("ns", f"/t/{number}", EVENT)
    assert await take(subscription, 2) == ["/t/0", "/t/1"]
    with pytest.raises(ResourceExhausted, match="too many events not read"):
        await anext(subscription)


@pytest.mark.parametrize(
    ("envelope", "words"),
    [
        (Envelope(1, "", "/t", EVENT), "event envelope has invalid namespace: identifier must not be empty"),
        (Envelope(1, "no/good", "/t", EVENT), "event envelope has invalid namespace"),
        (Envelope(1, "ns", "", EVENT), 'envelope topic "": must not be empty'),
        (Envelope(1, "ns", "t", EVENT), "must start with '/'"),
        (Envelope(1, "ns", "/", EVENT), "must have at least one component"),
        (Envelope(1, "ns", "/a//b", EVENT), 'failed validation on component ""'),
        (Envelope(0, "ns", "/t", EVENT), "timestamp must be set on forwarded event"),
    ],
)
async def test_a_malformed_envelope_is_refused(envelope: Envelope, words: str) -> None:
    """With what is wrong about it."""
    with pytest.raises(InvalidArgument, match=words):
        Exchange().forward(envelope)
