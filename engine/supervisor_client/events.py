"""containerd.services.events.v1: what happened, as the supervisor tells it."""

from collections.abc import AsyncIterator

from engine.supervisor_client.channel import Channel
from proto.containerd.services.events.v1 import events_pb2, events_pb2_grpc
from proto.containerd.types import event_pb2


class Events:
    """The supervisor's event stream."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stub = events_pb2_grpc.EventsStub(channel.grpc)

    def subscribe(self, *filters: str) -> AsyncIterator[event_pb2.Envelope]:
        """Envelopes as they come; raises a Fault when the connection ends."""
        return self._channel.stream(self._stub.Subscribe, events_pb2.SubscribeRequest(filters=filters))
