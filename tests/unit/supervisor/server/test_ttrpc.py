"""The shims' way in."""

import os
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from proto import anys
from proto.containerd.events.task_pb2 import TaskExit
from proto.containerd.services.ttrpc.events.v1.events_pb2 import ForwardRequest
from proto.ttrpc.client import Client
from supervisor.config import Socket
from supervisor.server.ttrpc import TtrpcServer
from tests.fakes.supervisor_events import RecordingExchange

EVENT = TaskExit(container_id="c1", id="c1", exit_status=3)


def request() -> ForwardRequest:
    message = ForwardRequest()
    message.envelope.namespace = "ns"
    message.envelope.topic = "/tasks/exit"
    message.envelope.timestamp.FromNanoseconds(1_700_000_000_000_000_005)
    message.envelope.event.CopyFrom(anys.pack(EVENT))
    return message


async def test_events_of_shims_reach_the_exchange(tmp_path: Path) -> None:
    exchange = RecordingExchange()
    server = TtrpcServer(Socket(str(tmp_path / "s"), os.getuid(), os.getgid()), exchange)
    await server.start()
    client = await Client.connect(str(tmp_path / "s"))
    await client.call("containerd.services.events.ttrpc.v1.Events", "Forward", request(), Empty)
    await client.aclose()
    await server.stop()
    (envelope,) = exchange.envelopes
    assert (envelope.timestamp, envelope.namespace, envelope.topic) == (
        1_700_000_000_000_000_005,
        "ns",
        "/tasks/exit",
    )
    assert envelope.event.type_url == "containerd.events.TaskExit"
    assert TaskExit.FromString(envelope.event.value) == EVENT
    assert not (tmp_path / "s").exists()
