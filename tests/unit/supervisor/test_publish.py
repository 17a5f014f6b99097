"""Publishing from the command line."""

import asyncio
import os
from pathlib import Path

from proto import anys
from proto.containerd.events.task_pb2 import TaskOOM
from proto.containerd.services.events.v1.events_pb2_grpc import add_EventsServicer_to_server
from supervisor.publish import publish
from supervisor.server.grpc import GrpcServer
from supervisor.services.events import EventsService
from tests.fakes.supervisor_events import RecordingExchange


async def test_an_event_from_stdin_reaches_the_exchange(tmp_path: Path) -> None:
    exchange = RecordingExchange()
    server = GrpcServer()
    server.add(add_EventsServicer_to_server, EventsService(exchange), "containerd.services.events.v1.Events")
    server.listen(str(tmp_path / "s"), os.getuid(), os.getgid())
    await server.start()
    event = anys.pack(TaskOOM(container_id="c1")).SerializeToString()
    address = f"unix://{tmp_path}/s"
    assert await asyncio.to_thread(publish, address, "ns", "/tasks/oom", event) is None
    refused = await asyncio.to_thread(publish, address, "", "/tasks/oom", event)
    await server.stop(0)
    assert refused is not None
    assert "namespace is required" in refused
    assert [(envelope.namespace, envelope.topic) for envelope in exchange.envelopes] == [("ns", "/tasks/oom")]


def test_stdin_that_is_no_event_is_refused(tmp_path: Path) -> None:
    problem = publish(str(tmp_path / "none"), "ns", "/x", b"\xff\xff")
    assert problem is not None
    assert "stdin is not an Any" in problem
