"""A connection to one shim: its Task service, whichever generation and carrier it speaks.

The messages of `containerd.task.v2` and `.v3` are the same on the wire, so v2's classes serve both. A shim that says
version 3 but answers Unimplemented is asked again as version 2: a newer program may have joined an older, running one.
The end of the connection is the shim's death; `closed` is done then.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from proto.containerd.runtime.task.v2 import shim_pb2 as shim
from proto.errdefs import (
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    Fault,
    InvalidArgument,
    NotFound,
    Unavailable,
    Unimplemented,
    fault_from_code,
)
from proto.ttrpc.client import Client
from proto.ttrpc.metadata import with_namespace
from supervisor.runtime.bootstrap import Endpoint

Reply = TypeVar("Reply", bound=Message)

_CLASS_WORDS = {
    InvalidArgument.code: "invalid argument",
    NotFound.code: "not found",
    AlreadyExists.code: "already exists",
    FailedPrecondition.code: "failed precondition",
    Unavailable.code: "unavailable",
    Unimplemented.code: "not implemented",
}

_SANDBOX_SERVICE = "containerd.runtime.sandbox.v1.Sandbox"
_CONNECT_TIMEOUT = 100.0
_GRPC_CONNECT_TIMEOUT = 10.0


class ShimGone(NotFound):
    """The connection ended: the shim is dead or about to be, and what it knew is not to be found any more."""


class Carrier(Protocol):
    """A way to call a shim's services."""

    closed: asyncio.Future[None]

    async def call(
        self, service: str, method: str, request: Message, reply: type[Reply], timeout: float | None
    ) -> Reply: ...

    async def aclose(self) -> None: ...


class ShimClient:
    """The Task service of one shim; one method per rpc, in the protocol's own messages."""

    def __init__(self, carrier: Carrier, version: int) -> None:
        self._carrier = carrier
        self.version = version

    @property
    def closed(self) -> asyncio.Future[None]:
        """Done when the shim has gone."""
        return self._carrier.closed

    async def call(self, method: str, request: Message, reply: type[Reply], timeout: float | None = None) -> Reply:
        """Any rpc by its name; raises ShimGone when the connection ends before the answer."""
        try:
            return await self._call(method, request, reply, timeout)
        except Unimplemented:
            if self.version < 3:
                raise
            self.version = 2
            return await self._call(method, request, reply, timeout)

    async def _call(self, method: str, request: Message, reply: type[Reply], timeout: float | None) -> Reply:
        return await self._call_service(f"containerd.task.v{self.version}.Task", method, request, reply, timeout)

    async def _call_service(
        self, service: str, method: str, request: Message, reply: type[Reply], timeout: float | None
    ) -> Reply:
        try:
            return await self._carrier.call(service, method, request, reply, timeout)
        except Fault as fault:
            if isinstance(fault, Unavailable) and self.closed.done():
                raise ShimGone("ttrpc: closed: not found") from fault
            raise classed(fault) from fault

    async def sandbox(self, method: str, request: Message, reply: type[Reply], timeout: float | None = None) -> Reply:
        """An rpc of the Sandbox service, which has one version."""
        return await self._call_service(_SANDBOX_SERVICE, method, request, reply, timeout)

    async def create(self, request: shim.CreateTaskRequest) -> shim.CreateTaskResponse:
        return await self.call("Create", request, shim.CreateTaskResponse)

    async def connect(self, container_id: str, timeout: float | None = None) -> shim.ConnectResponse:
        return await self.call("Connect", shim.ConnectRequest(id=container_id), shim.ConnectResponse, timeout)

    async def state(self, container_id: str, exec_id: str = "", timeout: float | None = None) -> shim.StateResponse:
        request = shim.StateRequest(id=container_id, exec_id=exec_id)
        return await self.call("State", request, shim.StateResponse, timeout)

    async def start(self, container_id: str, exec_id: str = "") -> shim.StartResponse:
        return await self.call("Start", shim.StartRequest(id=container_id, exec_id=exec_id), shim.StartResponse)

    async def delete(self, container_id: str, exec_id: str = "", timeout: float | None = None) -> shim.DeleteResponse:
        request = shim.DeleteRequest(id=container_id, exec_id=exec_id)
        return await self.call("Delete", request, shim.DeleteResponse, timeout)

    async def wait(self, container_id: str, exec_id: str = "") -> shim.WaitResponse:
        return await self.call("Wait", shim.WaitRequest(id=container_id, exec_id=exec_id), shim.WaitResponse)

    async def shutdown(self, container_id: str, timeout: float) -> None:
        """Ask the shim to go; one that leaves without an answer has understood too."""
        with contextlib.suppress(ShimGone):
            await self.call("Shutdown", shim.ShutdownRequest(id=container_id), Empty, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._carrier.aclose()


async def connect(endpoint: Endpoint, namespace: str, timeout: float = _CONNECT_TIMEOUT) -> ShimClient:
    """Connect to a shim; Unavailable when nobody listens there."""
    try:
        if endpoint.protocol.lower() == "grpc":
            carrier: Carrier = await _GrpcCarrier.connect(endpoint.address, namespace)
        else:
            carrier = _TtrpcCarrier(await Client.connect(endpoint.address, timeout), namespace)
    except (OSError, TimeoutError) as error:
        words = f"failed to create {endpoint.protocol.upper()} connection: dial {endpoint.address}: {error}"
        raise Unavailable(words) from error
    return ShimClient(carrier, endpoint.version)


def classed(fault: Fault) -> Fault:
    """The fault with its class named at the end, once, as containerd passes on what a shim says.

    What has no class gets no word: a client of containerd 1.6's generation adds its own, a newer one shows none.
    """
    words = _CLASS_WORDS.get(fault.code)
    if words is None or str(fault) == words or str(fault).endswith(f": {words}"):
        return fault
    return type(fault)(f"{fault}: {words}")


class _TtrpcCarrier:
    """ttrpc, as nearly every shim speaks it."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._metadata = with_namespace(namespace)
        self.closed = client.closed

    async def call(
        self, service: str, method: str, request: Message, reply: type[Reply], timeout: float | None
    ) -> Reply:
        return await self._client.call(service, method, request, reply, metadata=self._metadata, timeout=timeout)

    async def aclose(self) -> None:
        await self._client.aclose()


class _GrpcCarrier:
    """gRPC, which a version 3 shim may choose."""

    def __init__(self, channel: grpc.aio.Channel, namespace: str) -> None:
        self._channel = channel
        self._metadata = (("containerd-namespace", namespace),)
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watch = asyncio.get_running_loop().create_task(self._watch_state(), name="shim-grpc-state")

    @classmethod
    async def connect(cls, address: str, namespace: str) -> "_GrpcCarrier":
        target = address if address.startswith("unix:") else f"unix://{address}"
        channel = grpc.aio.insecure_channel(target)
        try:
            async with asyncio.timeout(_GRPC_CONNECT_TIMEOUT):
                await channel.channel_ready()
        except BaseException:
            await channel.close()
            raise
        return cls(channel, namespace)

    async def call(
        self, service: str, method: str, request: Message, reply: type[Reply], timeout: float | None
    ) -> Reply:
        serialize: Callable[[Message], bytes] = type(request).SerializeToString
        rpc = self._channel.unary_unary(f"/{service}/{method}", serialize, reply.FromString)
        try:
            answer: Reply = await rpc(request, timeout=timeout, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise _fault(error) from error
        return answer

    async def aclose(self) -> None:
        self._watch.cancel()
        await self._channel.close()
        self._end()

    async def _watch_state(self) -> None:
        state = self._channel.get_state()
        while state == grpc.ChannelConnectivity.READY:
            await self._channel.wait_for_state_change(state)
            state = self._channel.get_state()
        self._end()

    def _end(self) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


def _fault(error: grpc.aio.AioRpcError) -> Fault:
    code = error.code().value[0]
    if code == DeadlineExceeded.code:
        return DeadlineExceeded("context deadline exceeded")
    return fault_from_code(code, error.details() or "")
