"""The ttrpc socket: shims forward their events here, `<gRPC address>.ttrpc`."""

import os

from google.protobuf.empty_pb2 import Empty

from proto.containerd.services.ttrpc.events.v1 import events_pb2
from proto.ttrpc.server import Context, Server
from supervisor.config import Socket
from supervisor.core.events import EventForwarder
from supervisor.server.sockets import bind_unix
from supervisor.services.convert import envelope_from_proto


class EventsHandler:
    """containerd.services.events.ttrpc.v1.Events."""

    def __init__(self, forwarder: EventForwarder) -> None:
        self._forwarder = forwarder

    async def Forward(self, request: events_pb2.ForwardRequest, _context: Context) -> Empty:
        self._forwarder.forward(envelope_from_proto(request.envelope))
        return Empty()


class TtrpcServer:
    """The socket and what answers on it."""

    def __init__(self, socket: Socket, forwarder: EventForwarder) -> None:
        self._socket = socket
        self._server = Server()
        self._server.register(events_pb2.DESCRIPTOR.services_by_name["Events"], EventsHandler(forwarder))

    async def start(self) -> None:
        """Bind and listen."""
        await self._server.serve(bind_unix(self._socket))

    async def stop(self) -> None:
        """Stop listening and take the socket's file away."""
        await self._server.close(grace=1.0)
        if os.path.lexists(self._socket.address):
            os.unlink(self._socket.address)
