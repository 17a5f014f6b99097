"""A ttrpc client on asyncio: many calls at once over one connection, each with its deadline.

A connection that ends fails every pending call with Unavailable: to a caller of a shim this is the shim's death.
"""

import asyncio
from collections.abc import Mapping
from typing import Self, TypeVar

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from proto.errdefs import DeadlineExceeded, Unavailable, fault_from_code
from proto.ttrpc import frame
from proto.ttrpc.metadata import Metadata, encode_metadata, with_namespace
from proto.ttrpc.request_pb2 import Request, Response

Reply = TypeVar("Reply", bound=Message)

CLOSED = "ttrpc: closed"


def socket_path(address: str) -> str:
    """The path for an address as shims print it: `unix:///path`, `/path`, or an abstract name (`@name`)."""
    path = address.removeprefix("unix://")
    if path.startswith("@"):
        return "\0" + path[1:]
    return path


class Client(asyncio.Protocol):
    """One connection. Make it with `connect`; `closed` is done when the peer has gone."""

    def __init__(self) -> None:
        self._decoder = frame.Decoder()
        self._transport: asyncio.Transport | None = None
        self._next_stream = 1
        self._pending: dict[int, asyncio.Future[Response]] = {}
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def connect(cls, address: str, timeout: float | None = None) -> Self:
        """Connect to a unix socket; raises OSError as connect(2) does, TimeoutError after `timeout` seconds."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout):
            _, client = await loop.create_unix_connection(cls, socket_path(address))
        return client

    async def call(
        self,
        service: str,
        method: str,
        request: Message,
        reply_class: type[Reply],
        *,
        metadata: Metadata | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """One unary call; raises the peer's Fault, DeadlineExceeded after `timeout` seconds, Unavailable when alone."""
        envelope = Request(
            service=service,
            method=method,
            payload=request.SerializeToString(),
            timeout_nano=int(timeout * 1e9) if timeout is not None else 0,
            metadata=encode_metadata(metadata or {}),
        )
        response = await self._exchange(envelope, timeout)
        if response.HasField("status") and response.status.code != 0:
            raise fault_from_code(response.status.code, response.status.message)
        return reply_class.FromString(response.payload)

    def stub(self, descriptor: ServiceDescriptor, namespace: str | None = None) -> "Stub":
        """The service's rpcs as coroutines: `await stub.Create(request, timeout=5)`."""
        return Stub(self, descriptor, with_namespace(namespace))

    async def aclose(self) -> None:
        """Close the connection; calls in flight fail with Unavailable."""
        if self._transport is not None:
            self._transport.close()
        await asyncio.shield(self.closed)

    async def _exchange(self, envelope: Request, timeout: float | None) -> Response:
        if self._transport is None or self._transport.is_closing():
            raise Unavailable(CLOSED)
        stream = self._next_stream
        encoded = frame.encode(stream, frame.REQUEST, envelope.SerializeToString())
        self._next_stream += 2
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._pending[stream] = answer
        self._transport.write(encoded)
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError as error:
            raise DeadlineExceeded("context deadline exceeded") from error
        finally:
            self._pending.pop(stream, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.max_size = frame.READ_SIZE  # type: ignore[attr-defined] # of asyncio's own transports
        self._transport = transport

    def data_received(self, received: bytes) -> None:
        for event in self._decoder.feed(received):
            answer = self._pending.pop(event.stream, None)
            if answer is None or answer.done():
                continue  # the caller gave up; its answer comes late
            if isinstance(event, frame.Oversized):
                answer.set_exception(fault_from_code(8, frame.oversize_message(event.length)))
            elif event.kind == frame.RESPONSE:
                answer.set_result(Response.FromString(event.data))

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(Unavailable(CLOSED))
        self._pending.clear()
        if not self.closed.done():
            self.closed.set_result(None)


class _Call:
    """One rpc of a stub."""

    __slots__ = ("_client", "_descriptor", "_metadata", "_reply_class")

    def __init__(self, client: Client, descriptor: MethodDescriptor, metadata: Mapping[str, str]) -> None:
        self._client = client
        self._descriptor = descriptor
        self._metadata = metadata
        self._reply_class = GetMessageClass(descriptor.output_type)

    async def __call__(
        self, request: Message, *, timeout: float | None = None, metadata: Metadata | None = None
    ) -> Message:
        return await self._client.call(
            self._descriptor.containing_service.full_name,
            self._descriptor.name,
            request,
            self._reply_class,
            metadata={**self._metadata, **(metadata or {})},
            timeout=timeout,
        )


class Stub:
    """A service's rpcs by name, made from its descriptor."""

    def __init__(self, client: Client, descriptor: ServiceDescriptor, metadata: Mapping[str, str]) -> None:
        self._calls = {method.name: _Call(client, method, metadata) for method in descriptor.methods}

    def __getattr__(self, name: str) -> _Call:
        try:
            return self._calls[name]
        except KeyError as error:
            raise AttributeError(f"the service has no rpc {name}") from error
