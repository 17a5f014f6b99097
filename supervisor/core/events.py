"""Events: what happened, in order, told to everyone who listens."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from supervisor.core.typed import TypedValue


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event on its way; `timestamp` in nanoseconds."""

    timestamp: int
    namespace: str
    topic: str
    event: TypedValue


class EventPublisher(Protocol):
    """Where the supervisor's own parts say what they did."""

    def publish(self, namespace: str, topic: str, event: TypedValue) -> None:
        """Never blocks; from any thread. `supervisor.events.topics.typed` makes an `event` of a message."""
        ...


class EventForwarder(Protocol):
    """Where shims' and clients' events come in, with the time at which they happened."""

    def forward(self, envelope: Envelope) -> None: ...


class EventSubscription(Protocol):
    """One listener: iterate for the envelopes, close when done."""

    def __aiter__(self) -> AsyncIterator[Envelope]: ...

    def close(self) -> None: ...


class EventExchange(EventPublisher, EventForwarder, Protocol):
    """All three sides of the exchange."""

    def subscribe(self, filters: Sequence[str] = ()) -> EventSubscription:
        """Listen from before this returns; filter fields: namespace, topic, event.<field>."""
        ...
