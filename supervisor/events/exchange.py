"""The event exchange, in memory: each subscriber has a queue of its own, in the order of publication.

Publishing never waits, from any thread. A subscriber that does not read is cut off when its queue is full rather than
let the daemon grow without bounds: it sees the end of its stream and subscribes anew.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence

from proto.errdefs import InvalidArgument, ResourceExhausted
from supervisor.core.events import Envelope
from supervisor.core.filters import Filter, parse_filters
from supervisor.core.identifiers import quoted, validate_identifier
from supervisor.core.typed import TypedValue
from supervisor.events.fields import adapt_envelope

logger = logging.getLogger(__name__)

_QUEUE_LIMIT = 65536


class Exchange:
    """An EventExchange. Subscribe from the event loop; publish from anywhere."""

    def __init__(self, queue_limit: int = _QUEUE_LIMIT) -> None:
        self._lock = threading.Lock()
        self._subscriptions: list[Subscription] = []
        self._queue_limit = queue_limit

    def publish(self, namespace: str, topic: str, event: TypedValue) -> None:
        self.forward(Envelope(time.time_ns(), namespace, topic, event))

    def forward(self, envelope: Envelope) -> None:
        _validate(envelope)
        with self._lock:  # one order for all subscribers
            for subscription in self._subscriptions:
                subscription.offer(envelope)

    def subscribe(self, filters: Sequence[str] = ()) -> "Subscription":
        try:
            matches = parse_filters(filters) if filters else None
        except InvalidArgument as problem:
            raise InvalidArgument(f"failed parsing subscription filters: {problem}") from problem
        subscription = Subscription(self, matches, self._queue_limit)
        with self._lock:
            self._subscriptions.append(subscription)
        return subscription

    def forget(self, subscription: "Subscription") -> None:
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)

    def close(self) -> None:
        """End all subscriptions, so that a server can finish its streams."""
        with self._lock:
            subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            subscription.end()


class Subscription:
    """One listener's queue; iterate in the event loop that subscribed."""

    def __init__(self, exchange: Exchange, matches: Filter | None, limit: int) -> None:
        self._exchange = exchange
        self._matches = matches
        self._limit = limit
        self._queue: deque[Envelope] = deque()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._wake = asyncio.Event()
        self._ended = False
        self._overrun = False

    def offer(self, envelope: Envelope) -> None:
        """Called under the exchange's lock."""
        if self._ended or (self._matches is not None and not self._matches(adapt_envelope(envelope))):
            return
        if len(self._queue) >= self._limit:
            self._overrun = True
            self.end()
            return
        self._queue.append(envelope)
        self._notify()

    def end(self) -> None:
        """No more events; what is queued is still delivered."""
        self._ended = True
        self._notify()

    def close(self) -> None:
        self._exchange.forget(self)
        self._queue.clear()
        self.end()

    def __aiter__(self) -> AsyncIterator[Envelope]:
        return self

    async def __anext__(self) -> Envelope:
        while not self._queue:
            if self._overrun:
                raise ResourceExhausted("subscription error: too many events not read: resource exhausted")
            if self._ended:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._queue.popleft()

    def _notify(self) -> None:
        if threading.get_ident() == self._thread:
            self._wake.set()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)


def _validate(envelope: Envelope) -> None:
    try:
        validate_identifier(envelope.namespace)
    except InvalidArgument as problem:
        raise InvalidArgument(f"event envelope has invalid namespace: {problem}") from problem
    try:
        validate_topic(envelope.topic)
    except InvalidArgument as problem:
        raise InvalidArgument(f"envelope topic {quoted(envelope.topic)}: {problem}") from problem
    if not envelope.timestamp:
        raise InvalidArgument("timestamp must be set on forwarded event: invalid argument")


def validate_topic(topic: str) -> None:
    if not topic:
        raise InvalidArgument("must not be empty: invalid argument")
    if topic[0] != "/":
        raise InvalidArgument("must start with '/': invalid argument")
    if len(topic) == 1:
        raise InvalidArgument("must have at least one component: invalid argument")
    for component in topic[1:].split("/"):
        try:
            validate_identifier(component)
        except InvalidArgument as problem:
            raise InvalidArgument(f"failed validation on component {quoted(component)}: {problem}") from problem
