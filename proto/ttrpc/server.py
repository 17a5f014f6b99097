"""A ttrpc server on asyncio: dispatches unary calls by service descriptor, and turns Faults into statuses.

A handler is a plain object with one coroutine per rpc, named as the rpc: `async def Create(self, request, context)`.
The reader never waits for a handler, since a Wait blocks for a task's whole life. Streaming calls are refused with
Unimplemented.
"""

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from proto.errdefs import DeadlineExceeded, Fault, Internal, InvalidArgument, ResourceExhausted, Unimplemented
from proto.ttrpc import frame
from proto.ttrpc.metadata import NAMESPACE, decode_metadata
from proto.ttrpc.request_pb2 import Request, Response

logger = logging.getLogger(__name__)

_PEER_CREDENTIALS = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid


class Context:
    """What a handler may know of its call."""

    __slots__ = ("metadata", "timeout")

    def __init__(self, metadata: dict[str, str], timeout: float | None) -> None:
        self.metadata = metadata
        self.timeout = timeout  # seconds the caller gave, None without a deadline

    @property
    def namespace(self) -> str | None:
        """The containerd namespace the caller named, if any."""
        return self.metadata.get(NAMESPACE)


Handler = Callable[[Message, Context], Awaitable[Message]]


class _Method:
    """One rpc, ready to be called."""

    __slots__ = ("_handler", "_request_class")

    def __init__(self, descriptor: MethodDescriptor, handler: Handler) -> None:
        self._request_class = GetMessageClass(descriptor.input_type)
        self._handler = handler

    async def call(self, payload: bytes, context: Context) -> bytes:
        try:
            request = self._request_class.FromString(payload)
        except DecodeError as error:
            raise InvalidArgument(f"malformed request: {error}") from error
        reply = await self._handler(request, context)
        return reply.SerializeToString()


class Server:
    """Services by full name, served on any number of listening sockets."""

    def __init__(self, *, same_user_only: bool = False) -> None:
        self._services: dict[str, dict[str, _Method]] = {}
        self._listeners: list[asyncio.Server] = []
        self._connections: set[_Connection] = set()
        self._same_user_only = same_user_only

    def register(self, descriptor: ServiceDescriptor, handlers: object) -> None:
        """Offer a service. A method the object lacks answers Unimplemented, as an unknown one does."""
        methods = self._services.setdefault(descriptor.full_name, {})
        for method in descriptor.methods:
            handler = getattr(handlers, method.name, None)
            if handler is not None:
                methods[method.name] = _Method(method, handler)

    async def serve(self, listener: socket.socket | str) -> None:
        """Start answering on a bound socket, or on a path that is bound here; returns once the socket listens."""
        loop = asyncio.get_running_loop()
        if isinstance(listener, str):
            server = await loop.create_unix_server(self._connection, path=listener)
        else:
            listener.setblocking(False)
            server = await loop.create_unix_server(self._connection, sock=listener)
        self._listeners.append(server)

    async def close(self, grace: float = 0.0) -> None:
        """Stop listening, let calls in flight end for `grace` seconds, then drop every connection."""
        for listener in self._listeners:
            listener.close()
        calls = {call for connection in self._connections for call in connection.calls}
        if calls and grace > 0:
            await asyncio.wait(calls, timeout=grace)
        for connection in list(self._connections):
            connection.close()
        for listener in self._listeners:
            await listener.wait_closed()
        self._listeners.clear()

    def find(self, service: str, method: str) -> _Method:
        """The method to call; raises Unimplemented in the words of the Go server."""
        methods = self._services.get(service)
        if methods is None:
            raise Unimplemented(f"service {service}")
        if method not in methods:
            raise Unimplemented(f"method {method}")
        return methods[method]

    def admits(self, transport: asyncio.Transport) -> bool:
        """Whether the peer may talk to us: anyone who could open the socket, or only our own user and group."""
        if not self._same_user_only:
            return True
        peer = transport.get_extra_info("socket")
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        _, uid, gid = _PEER_CREDENTIALS.unpack(credentials)
        return bool(uid == os.geteuid() and gid == os.getegid())

    def opened(self, connection: "_Connection") -> None:
        """A connection says that it lives."""
        self._connections.add(connection)

    def ended(self, connection: "_Connection") -> None:
        """A connection says that it is gone."""
        self._connections.discard(connection)

    def _connection(self) -> "_Connection":
        return _Connection(self)


class _Connection(asyncio.Protocol):
    """One client: decodes frames, runs a task per call, writes answers in whatever order they come."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._decoder = frame.Decoder()
        self._transport: asyncio.Transport | None = None
        self._last_stream = 0
        self.calls: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.max_size = frame.READ_SIZE  # type: ignore[attr-defined] # of asyncio's own transports
        if not self._server.admits(transport):
            transport.abort()
            return
        self._transport = transport
        self._server.opened(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        for call in self.calls:
            call.cancel()
        self._server.ended(self)

    def data_received(self, received: bytes) -> None:
        for event in self._decoder.feed(received):
            if isinstance(event, frame.Oversized):
                self._answer_fault(event.stream, ResourceExhausted(frame.oversize_message(event.length)))
            elif event.kind == frame.REQUEST:
                self._accept(event)

    def close(self) -> None:
        """Drop the client once what was written has left."""
        if self._transport is not None:
            self._transport.close()

    def _accept(self, request: frame.Frame) -> None:
        if request.stream % 2 == 0:
            self._answer_fault(request.stream, InvalidArgument("StreamID must be odd for client initiated streams"))
            return
        if request.stream <= self._last_stream:
            self._answer_fault(request.stream, InvalidArgument("StreamID cannot be re-used and must increment"))
            return
        self._last_stream = request.stream
        call = asyncio.get_running_loop().create_task(self._run(request), name=f"ttrpc-{request.stream}")
        self.calls.add(call)
        call.add_done_callback(self.calls.discard)

    async def _run(self, request: frame.Frame) -> None:
        try:
            payload = await self._dispatch(request)
            self._write(request.stream, Response(payload=payload))
        except Fault as fault:
            self._answer_fault(request.stream, fault)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # a defect of ours must not take the connection, and its other calls, with it
            logger.exception("a ttrpc handler failed")
            self._answer_fault(request.stream, Internal(f"{type(error).__name__}: {error}"))

    async def _dispatch(self, request: frame.Frame) -> bytes:
        if request.flags & (frame.REMOTE_OPEN | frame.REMOTE_CLOSED):
            raise Unimplemented("streaming calls are not served here")
        try:
            envelope = Request.FromString(request.data)
        except DecodeError as error:
            raise InvalidArgument(f"unmarshal request error: {error}") from error
        method = self._server.find(envelope.service, envelope.method)
        timeout = envelope.timeout_nano / 1e9 if envelope.timeout_nano > 0 else None
        context = Context(decode_metadata(envelope.metadata), timeout)
        try:
            async with asyncio.timeout(timeout):
                return await method.call(envelope.payload, context)
        except TimeoutError as error:
            raise DeadlineExceeded("context deadline exceeded") from error

    def _answer_fault(self, stream: int, fault: Fault) -> None:
        response = Response()
        response.status.code = fault.code
        response.status.message = fault.message
        self._write(stream, response)

    def _write(self, stream: int, response: Response) -> None:
        if self._transport is None:
            return  # the client left before its answer
        try:
            encoded = frame.encode(stream, frame.RESPONSE, response.SerializeToString())
        except ResourceExhausted as fault:
            self._answer_fault(stream, fault)
            return
        self._transport.write(encoded)
