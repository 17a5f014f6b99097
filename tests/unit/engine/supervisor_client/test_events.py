"""Events."""

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.events import Events
from proto.containerd.services.events.v1 import events_pb2
from proto.containerd.types import event_pb2
from tests.fakes.engine_supervisor import FakeSupervisor


async def test_envelopes_come_as_they_are(server: FakeSupervisor, channel: Channel) -> None:
    server.answers["Subscribe"] = [event_pb2.Envelope(topic="/a"), event_pb2.Envelope(topic="/b")]
    assert [envelope.topic async for envelope in Events(channel).subscribe("x")] == ["/a", "/b"]
    assert list(server.request(events_pb2.SubscribeRequest).filters) == ["x"]
