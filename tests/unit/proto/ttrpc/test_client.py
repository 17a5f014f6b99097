"""The ttrpc client against our server, and against peers that misbehave."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proto.containerd.runtime.task.v2 import shim_pb2
from proto.errdefs import DeadlineExceeded, FailedPrecondition, Unavailable
from proto.ttrpc.client import Client, socket_path
from proto.ttrpc.server import Context, Server

TASK = shim_pb2.DESCRIPTOR.services_by_name["Task"]


class Handlers:
    """Connect answers, Start refuses, Wait never ends."""

    async def Connect(self, request: shim_pb2.ConnectRequest, context: Context) -> shim_pb2.ConnectResponse:
        return shim_pb2.ConnectResponse(version=f"{request.id}/{context.namespace}")

    async def Start(self, _request: shim_pb2.StartRequest, _context: Context) -> shim_pb2.StartResponse:
        raise FailedPrecondition("already running")

    async def Wait(self, _request: shim_pb2.WaitRequest, _context: Context) -> shim_pb2.WaitResponse:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server()
    server.register(TASK, Handlers())
    await server.serve(str(tmp_path / "s"))
    yield server
    await server.close()


@pytest.fixture
async def client(server: Server, tmp_path: Path) -> AsyncIterator[Client]:
    client = await Client.connect(f"unix://{tmp_path / 's'}")
    yield client
    await client.aclose()


async def test_a_stub_calls_with_its_namespace(client: Client) -> None:
    """Every call of a stub carries it."""
    stub = client.stub(TASK, namespace="k8s.io")
    reply = await stub.Connect(shim_pb2.ConnectRequest(id="x"))
    assert reply == shim_pb2.ConnectResponse(version="x/k8s.io")


async def test_the_peer_s_fault_is_raised_as_its_class(client: Client) -> None:
    """Callers branch on the class."""
    with pytest.raises(FailedPrecondition, match="already running"):
        await client.stub(TASK).Start(shim_pb2.StartRequest())


async def test_a_deadline_ends_the_call_and_not_the_connection(client: Client) -> None:
    """A late answer is thrown away."""
    stub = client.stub(TASK)
    with pytest.raises(DeadlineExceeded):
        await stub.Wait(shim_pb2.WaitRequest(), timeout=0.01)
    assert (await stub.Connect(shim_pb2.ConnectRequest(id="y"))).version == "y/None"


async def test_the_peer_s_death_fails_every_pending_call(client: Client, server: Server) -> None:
    """And calls made afterwards."""
    stub = client.stub(TASK)
    waits = [asyncio.ensure_future(stub.Wait(shim_pb2.WaitRequest())) for _ in range(3)]
    await asyncio.sleep(0.01)
    await server.close()
    for wait in waits:
        with pytest.raises(Unavailable, match="ttrpc: closed"):
            await wait
    await asyncio.wait_for(client.closed, 1)
    with pytest.raises(Unavailable):
        await stub.Connect(shim_pb2.ConnectRequest())


async def test_nobody_there_is_an_os_error(tmp_path: Path) -> None:
    """As connect(2) says it."""
    with pytest.raises(FileNotFoundError):
        await Client.connect(str(tmp_path / "none"))


def test_addresses_are_read_as_shims_print_them() -> None:
    """With scheme, bare, and abstract."""
    assert socket_path("unix:///run/s") == "/run/s"
    assert socket_path("/run/s") == "/run/s"
    assert socket_path("@name") == "\0name"


async def test_a_missing_rpc_is_an_attribute_error(client: Client) -> None:
    """A typing mistake is seen at once."""
    with pytest.raises(AttributeError, match="no rpc Nope"):
        _ = client.stub(TASK).Nope
