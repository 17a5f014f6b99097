"""Forwarding: in order, through a daemon that goes away, past one that refuses."""

import asyncio
from pathlib import Path

from google.protobuf.empty_pb2 import Empty

from proto.containerd.events import task_pb2
from proto.containerd.services.ttrpc.events.v1 import events_pb2
from proto.containerd.types import event_pb2
from proto.errdefs import InvalidArgument
from proto.ttrpc.server import Context, Server
from shim.events import Publisher, TaskEvents
from shim.reaper import Exit


class Daemon:
    """The event service of a daemon."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.envelopes: list[event_pb2.Envelope] = []
        self.refusals = 0

    async def Forward(self, request: events_pb2.ForwardRequest, _context: Context) -> Empty:
        if self.refusals:
            self.refusals -= 1
            raise InvalidArgument("no")
        self.topics.append(request.envelope.topic)
        self.envelopes.append(request.envelope)
        return Empty()

    async def serve(self, path: Path) -> Server:
        server = Server()
        server.register(events_pb2.DESCRIPTOR.services_by_name["Events"], self)
        await server.serve(str(path))
        return server


async def test_events_arrive_in_order_with_namespace_and_time(tmp_path: Path) -> None:
    """The daemon checks all three."""
    daemon = Daemon()
    server = await daemon.serve(tmp_path / "s")
    publisher = Publisher(str(tmp_path / "s"), "moby")
    running = asyncio.ensure_future(publisher.run())
    events = TaskEvents(publisher)
    events.started("c1", 7)
    events.exited("c1", "e1", Exit(7, 3, 5_000_000_001))
    events.oom("c1")
    events.paused("c1")
    events.resumed("c1")
    await publisher.flush(2)
    assert daemon.topics == ["/tasks/start", "/tasks/exit", "/tasks/oom", "/tasks/paused", "/tasks/resumed"]
    told = task_pb2.TaskExit.FromString(daemon.envelopes[1].event.value)
    assert (told.id, told.exit_status, told.exited_at.nanos) == ("e1", 3, 1)
    assert {envelope.namespace for envelope in daemon.envelopes} == {"moby"}
    running.cancel()
    await server.close()


async def test_an_event_waits_for_a_daemon_that_is_away(tmp_path: Path) -> None:
    """Its successor wants to know how the container ended."""
    daemon = Daemon()
    publisher = Publisher(str(tmp_path / "s"), "moby")
    running = asyncio.ensure_future(publisher.run())
    publisher.publish("/tasks/exit", task_pb2.TaskExit(container_id="c1"))
    await asyncio.sleep(0.05)
    server = await daemon.serve(tmp_path / "s")
    await publisher.flush(3)
    assert daemon.topics == ["/tasks/exit"]
    await server.close()
    publisher.publish("/tasks/delete", task_pb2.TaskDelete(container_id="c1"))
    (tmp_path / "s").unlink()
    server = await daemon.serve(tmp_path / "s")
    await publisher.flush(3)
    assert daemon.topics == ["/tasks/exit", "/tasks/delete"]
    running.cancel()
    await server.close()


async def test_without_an_address_nobody_is_told() -> None:
    """A shim started by hand."""
    publisher = Publisher("", "moby")
    publisher.publish("/tasks/exit", task_pb2.TaskExit())
    await publisher.flush(0.1)
