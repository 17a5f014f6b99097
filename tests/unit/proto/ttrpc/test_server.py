"""The ttrpc server, met over a real socket by a hand-written peer."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from google.protobuf import empty_pb2

from proto.containerd.runtime.task.v2 import shim_pb2
from proto.errdefs import NotFound
from proto.ttrpc import frame
from proto.ttrpc.request_pb2 import KeyValue, Request, Response
from proto.ttrpc.server import Context, Server

TASK = "containerd.task.v2.Task"


class Handlers:
    """Some of the Task service."""

    async def Connect(self, request: shim_pb2.ConnectRequest, context: Context) -> shim_pb2.ConnectResponse:
        return shim_pb2.ConnectResponse(shim_pid=1, version=f"{request.id}/{context.namespace}")

    async def Start(self, _request: shim_pb2.StartRequest, _context: Context) -> shim_pb2.StartResponse:
        raise NotFound("container not created")

    async def Wait(self, _request: shim_pb2.WaitRequest, _context: Context) -> shim_pb2.WaitResponse:
        await asyncio.sleep(3600)
        raise AssertionError("nobody waits this long")

    async def Stats(self, _request: shim_pb2.StatsRequest, _context: Context) -> shim_pb2.StatsResponse:
        raise ValueError("a defect")


class Peer:
    """Writes frames, reads frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    def send(self, stream: int, method: str, payload: bytes = b"", service: str = TASK, **envelope: object) -> None:
        request = Request(service=service, method=method, payload=payload, **envelope)  # type: ignore[arg-type]
        self.writer.write(frame.encode(stream, frame.REQUEST, request.SerializeToString()))

    async def receive(self) -> tuple[int, Response]:
        header = await self._reader.readexactly(frame.HEADER.size)
        length, stream, kind, _ = frame.HEADER.unpack(header)
        assert kind == frame.RESPONSE
        return stream, Response.FromString(await self._reader.readexactly(length))


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("")  # autobind: an abstract name that the kernel chooses
    listener.listen()
    server = Server(same_user_only=True)
    server.register(shim_pb2.DESCRIPTOR.services_by_name["Task"], Handlers())
    await server.serve(listener)
    reader, writer = await asyncio.open_unix_connection(listener.getsockname())
    yield Peer(reader, writer)
    writer.close()
    await server.close()


async def test_a_call_reaches_its_handler_with_namespace_and_payload(peer: Peer) -> None:
    """The namespace travels as metadata."""
    payload = shim_pb2.ConnectRequest(id="c1").SerializeToString()
    peer.send(1, "Connect", payload, metadata=[KeyValue(key="containerd-namespace-ttrpc", value="moby")])
    stream, response = await peer.receive()
    assert stream == 1
    assert shim_pb2.ConnectResponse.FromString(response.payload).version == "c1/moby"


async def test_a_fault_becomes_its_status(peer: Peer) -> None:
    """Code and message, and nothing else."""
    peer.send(1, "Start")
    _, response = await peer.receive()
    assert (response.status.code, response.status.message) == (5, "container not created")


async def test_an_unexpected_exception_is_internal_and_the_connection_lives(peer: Peer) -> None:
    """It is never dressed as the caller's mistake."""
    peer.send(1, "Stats")
    peer.send(3, "Connect")
    answers = dict([await peer.receive(), await peer.receive()])
    assert answers[1].status.code == 13
    assert answers[3].status.code == 0


async def test_a_waiting_call_does_not_hold_up_the_next(peer: Peer) -> None:
    """Wait blocks for a task's whole life."""
    peer.send(1, "Wait")
    peer.send(3, "Connect")
    stream, _ = await peer.receive()
    assert stream == 3


async def test_the_caller_s_deadline_ends_the_call(peer: Peer) -> None:
    """timeout_nano is relative."""
    peer.send(1, "Wait", timeout_nano=1_000_000)
    _, response = await peer.receive()
    assert response.status.code == 4


@pytest.mark.parametrize(
    ("service", "method", "message"),
    [("nope.Nope", "Connect", "service nope.Nope"), (TASK, "Nope", "method Nope"), (TASK, "Kill", "method Kill")],
)
async def test_unknown_services_and_methods_are_unimplemented(
    peer: Peer, service: str, method: str, message: str
) -> None:
    """Also a method of the service that the handlers lack."""
    peer.send(1, method, service=service)
    _, response = await peer.receive()
    assert (response.status.code, response.status.message) == (12, message)


async def test_stream_ids_must_be_odd_and_grow(peer: Peer) -> None:
    """Even and used ids are refused on that id."""
    peer.send(2, "Connect")
    assert (await peer.receive())[1].status.code == 3
    peer.send(5, "Connect")
    assert (await peer.receive())[1].status.code == 0
    peer.send(5, "Connect")
    assert (await peer.receive())[1].status.code == 3


async def test_garbage_is_an_invalid_argument(peer: Peer) -> None:
    """Both as an envelope and as a payload."""
    peer.writer.write(frame.encode(1, frame.REQUEST, b"\xff\xff\xff"))
    assert (await peer.receive())[1].status.code == 3
    peer.send(3, "Connect", b"\xff\xff\xff")
    assert (await peer.receive())[1].status.code == 3


async def test_a_body_over_the_limit_is_refused_on_its_stream(peer: Peer) -> None:
    """The connection goes on."""
    length = frame.MESSAGE_LIMIT + 1
    peer.writer.write(frame.HEADER.pack(length, 1, frame.REQUEST, 0) + bytes(length))
    stream, response = await peer.receive()
    assert (stream, response.status.code) == (1, 8)
    peer.send(3, "Connect", empty_pb2.Empty().SerializeToString())
    assert (await peer.receive())[1].status.code == 0
