"""containerd.services.events.v1."""

import asyncio

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.timestamp_pb2 import Timestamp

from proto.containerd.services.events.v1 import events_pb2 as api
from proto.containerd.types.event_pb2 import Envelope
from supervisor.events.exchange import Exchange
from supervisor.services.events import EventsService
from tests.fakes.grpc_context import Context


async def test_what_is_published_and_forwarded_reaches_the_subscriber(context: Context) -> None:
    """Who has the headers before anything happens."""
    exchange = Exchange()
    service = EventsService(exchange)
    stream = service.Subscribe(api.SubscribeRequest(filters=["topic~=t"]), context)
    first = asyncio.ensure_future(anext(stream))
    await context.sent_initial.wait()
    event = AnyMessage(type_url="x", value=b"1")
    await service.Publish(api.PublishRequest(topic="/t/1", event=event), context)
    got = await first
    assert (got.namespace, got.topic, got.event) == ("ns", "/t/1", event)
    assert got.timestamp.seconds
    forwarded = Envelope(timestamp=Timestamp(seconds=7), namespace="other", topic="/t/2", event=event)
    await service.Forward(api.ForwardRequest(envelope=forwarded), context)
    assert await anext(stream) == forwarded
    await stream.aclose()


async def test_the_stream_ends_with_the_exchange(context: Context) -> None:
    """So that the server can stop."""
    exchange = Exchange()
    stream = EventsService(exchange).Subscribe(api.SubscribeRequest(), context)
    first = asyncio.ensure_future(anext(stream, None))
    await asyncio.sleep(0)
    exchange.close()
    assert await first is None
