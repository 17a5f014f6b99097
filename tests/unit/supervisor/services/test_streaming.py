from collections.abc import AsyncIterator

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty

from proto import anys
from proto.containerd.services.streaming.v1 import streaming_pb2 as api
from proto.containerd.types.transfer import streaming_pb2
from proto.errdefs import InvalidArgument, NotFound
from supervisor.services.streaming import StreamingService
from supervisor.transfer.streams import Streams


class Context:
    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("containerd-namespace", "ns"),)


async def messages(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item


async def test_a_stream_is_acknowledged_found_and_forgotten() -> None:
    streams = Streams()
    service = StreamingService(streams)
    data = anys.pack(streaming_pb2.Data(data=b"x"))
    answers = service.Stream(messages(anys.pack(api.StreamInit(id="s")), data), Context())
    assert isinstance(anys.unpack(await anext(answers)), Empty)
    stream = streams.get("ns", "s")
    assert await stream.receive() == data
    assert await stream.receive() is None
    await stream.send(data)
    await stream.close()
    assert [answer async for answer in answers] == [data]
    with pytest.raises(NotFound):
        streams.get("ns", "s")


async def test_the_first_message_must_name_the_stream() -> None:
    for first in ([], [anys.pack(api.StreamInit())], [anys.pack(Empty())]):
        with pytest.raises(InvalidArgument, match="StreamInit"):
            await anext(StreamingService(Streams()).Stream(messages(*first), Context()))
