"""containerd.services.streaming.v1: the first message names a stream, the rest is between client and transfer."""

from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc
from google.protobuf import any_pb2
from google.protobuf.empty_pb2 import Empty

from proto import anys
from proto.containerd.services.streaming.v1 import streaming_pb2 as api
from proto.containerd.services.streaming.v1 import streaming_pb2_grpc
from proto.errdefs import InvalidArgument
from supervisor.server.namespace import namespace_of
from supervisor.transfer.streams import Stream, Streams

Context: TypeAlias = grpc.aio.ServicerContext


class StreamingService(streaming_pb2_grpc.StreamingServicer):
    """The Streaming service."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    async def Stream(self, requests: AsyncIterator[any_pb2.Any], context: Context) -> AsyncIterator[any_pb2.Any]:
        incoming = aiter(requests)
        first = await anext(incoming, None)
        init = anys.unpack(first) if first is not None else None
        if not isinstance(init, api.StreamInit) or not init.id:
            raise InvalidArgument("the first message must be a StreamInit with an id: invalid argument")
        namespace = namespace_of(context)
        stream = Stream(incoming)
        self._streams.register(namespace, init.id, stream)
        try:
            yield anys.pack(Empty())
            async for message in stream.outgoing():
                yield message
        finally:
            self._streams.unregister(namespace, init.id)
            stream.abandon()
