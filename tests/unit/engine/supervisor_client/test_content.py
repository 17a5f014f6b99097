"""Blobs."""

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.content import Content
from proto.containerd.services.content.v1 import content_pb2
from tests.fakes.engine_supervisor import FakeSupervisor


async def test_reading_and_looking(server: FakeSupervisor, channel: Channel) -> None:
    info = content_pb2.Info(digest="sha256:x", size=5)
    server.answers |= {
        "Read": [content_pb2.ReadContentResponse(data=b"ab"), content_pb2.ReadContentResponse(data=b"c")],
        "Info": content_pb2.InfoResponse(info=info),
        "Update": content_pb2.UpdateResponse(info=info),
        "List": [content_pb2.ListContentResponse(info=[info])],
    }
    content = Content(channel)
    assert await content.read("sha256:x") == b"abc"
    assert await content.info("sha256:x") == info
    assert await content.update(info, ["labels.a"]) == info
    assert await content.list() == [info]
    await content.delete("sha256:x")
    assert server.request(content_pb2.DeleteContentRequest).digest == "sha256:x"
