"""containerd.services.events.v1, on top of an EventExchange."""

from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty

from proto.containerd.services.events.v1 import events_pb2 as api
from proto.containerd.services.events.v1 import events_pb2_grpc
from proto.containerd.types import event_pb2
from supervisor.core.events import EventExchange
from supervisor.server.namespace import namespace_of
from supervisor.services.convert import envelope_from_proto, envelope_to_proto, typed_from_proto

Context: TypeAlias = grpc.aio.ServicerContext


class EventsService(events_pb2_grpc.EventsServicer):
    """The Events service. Subscribe hears all namespaces, unless a filter says otherwise."""

    def __init__(self, exchange: EventExchange) -> None:
        self._exchange = exchange

    async def Publish(self, request: api.PublishRequest, context: Context) -> Empty:
        self._exchange.publish(namespace_of(context), request.topic, typed_from_proto(request.event))
        return Empty()

    async def Forward(self, request: api.ForwardRequest, context: Context) -> Empty:
        self._exchange.forward(envelope_from_proto(request.envelope))
        return Empty()

    async def Subscribe(self, request: api.SubscribeRequest, context: Context) -> AsyncIterator[event_pb2.Envelope]:
        subscription = self._exchange.subscribe(list(request.filters))
        try:
            # A client that waits for the headers knows that from now on it misses nothing.
            await context.send_initial_metadata(())
            async for envelope in subscription:
                yield envelope_to_proto(envelope)
        finally:
            subscription.close()
