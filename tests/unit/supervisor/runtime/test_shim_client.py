"""A shim's Task service."""

import asyncio
from pathlib import Path

import grpc
import pytest

from proto.containerd.runtime.task.v2 import shim_pb2 as shim
from proto.errdefs import DeadlineExceeded, Fault, NotFound, Unavailable
from supervisor.runtime.bootstrap import Endpoint
from supervisor.runtime.shim_client import ShimGone, classed, connect
from tests.fakes.supervisor_shim import PID, FakeShim


async def test_nobody_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="failed to create TTRPC connection: dial"):
        await connect(Endpoint(f"unix://{tmp_path}/none"), "ns")


async def test_the_shims_faults_are_raised(tmp_path: Path) -> None:
    fake = FakeShim(str(tmp_path / "s"))
    await fake.start()
    client = await connect(Endpoint(f"unix://{fake.address}"), "ns")
    with pytest.raises(NotFound, match="container not created"):
        await client.state("c1")
    assert (await client.connect("c1")).task_pid == 0
    await client.aclose()
    await fake.die()


async def test_the_end_of_the_connection_is_the_shims_death(tmp_path: Path) -> None:
    fake = FakeShim(str(tmp_path / "s"))
    await fake.start()
    client = await connect(Endpoint(f"unix://{fake.address}"), "ns")
    await client.connect("c1")
    await fake.die()
    await client.closed
    with pytest.raises(ShimGone, match="ttrpc: closed"):
        await client.state("c1")
    await client.shutdown("c1", 1)  # one that left needs no asking


async def test_a_version_three_shim_is_asked_as_such(tmp_path: Path) -> None:
    fake = FakeShim(str(tmp_path / "s"), version=3)
    fake.created = True
    await fake.start()
    client = await connect(Endpoint(f"unix://{fake.address}", 3), "ns")
    assert (await client.state("c1")).pid == PID
    assert client.version == 3
    await client.aclose()
    await fake.die()


class GrpcShim:
    """A shim that chose gRPC, as those in virtual machines may."""

    def __init__(self, path: Path) -> None:
        self.endpoint = Endpoint(f"unix://{path}", 3, "grpc")
        self.namespaces: list[object] = []
        self._server = grpc.aio.server()
        self._server.add_insecure_port(f"unix:{path}")
        handler = grpc.unary_unary_rpc_method_handler(
            self.state, shim.StateRequest.FromString, shim.StateResponse.SerializeToString
        )
        service = grpc.method_handlers_generic_handler("containerd.task.v3.Task", {"State": handler})
        self._server.add_generic_rpc_handlers((service,))

    async def state(self, request: shim.StateRequest, context: grpc.aio.ServicerContext) -> shim.StateResponse:
        self.namespaces += [
            value for key, value in context.invocation_metadata() or () if key == "containerd-namespace"
        ]
        if request.id != "c1":
            await context.abort(grpc.StatusCode.NOT_FOUND, "container not created")
        return shim.StateResponse(id=request.id, pid=PID)

    async def __aenter__(self) -> "GrpcShim":
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.die()

    async def die(self) -> None:
        await self._server.stop(None)


async def test_a_shim_may_speak_grpc(tmp_path: Path) -> None:
    """The same calls and faults; the end of its server is its death."""
    async with GrpcShim(tmp_path / "g") as served:
        client = await connect(served.endpoint, "ns")
        assert (await client.state("c1")).pid == PID
        assert served.namespaces == ["ns"]
        with pytest.raises(NotFound, match="container not created: not found"):
            await client.state("c2")
        await served.die()
        async with asyncio.timeout(30):
            await client.closed
        with pytest.raises(ShimGone):
            await client.state("c1")
        await client.aclose()


async def test_a_grpc_shim_that_is_not_there_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supervisor.runtime.shim_client._GRPC_CONNECT_TIMEOUT", 0.2)
    with pytest.raises(Unavailable, match="failed to create GRPC connection: dial"):
        await connect(Endpoint(f"unix://{tmp_path}/none", 3, "grpc"), "ns")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("oh"), "oh"),
        (NotFound("process already finished: not found"), "process already finished: not found"),
        (NotFound("not found"), "not found"),
        (DeadlineExceeded("context deadline exceeded"), "context deadline exceeded"),
    ],
)
def test_the_class_is_named_once(fault: Fault, words: str) -> None:
    assert str(classed(fault)) == words
    assert type(classed(fault)) is type(fault)
