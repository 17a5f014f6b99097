"""An exchange that only remembers what came in."""

from collections.abc import Sequence

from supervisor.core.events import Envelope, EventSubscription
from supervisor.core.typed import TypedValue


class RecordingExchange:
    """An EventExchange; `topics` are those published and forwarded, in order."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    @property
    def topics(self) -> list[str]:
        return [envelope.topic for envelope in self.envelopes]

    def publish(self, namespace: str, topic: str, event: TypedValue) -> None:
        self.forward(Envelope(1, namespace, topic, event))

    def forward(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)

    def subscribe(self, filters: Sequence[str] = ()) -> EventSubscription:
        raise NotImplementedError("nobody listens here")
