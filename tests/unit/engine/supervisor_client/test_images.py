"""Image records."""

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.images import Images
from proto.containerd.services.images.v1 import images_pb2
from tests.fakes.engine_supervisor import FakeSupervisor


async def test_a_records_life(server: FakeSupervisor, channel: Channel) -> None:
    image = images_pb2.Image(name="n")
    server.answers |= {
        "Get": images_pb2.GetImageResponse(image=image),
        "Create": images_pb2.CreateImageResponse(image=image),
        "Update": images_pb2.UpdateImageResponse(image=image),
        "List": images_pb2.ListImagesResponse(images=[image]),
    }
    images = Images(channel)
    assert await images.get("n") == image
    assert await images.create(image) == image
    assert await images.update(image, ["target"]) == image
    assert await images.list() == [image]
    await images.delete("n", sync=True)
    assert server.request(images_pb2.DeleteImageRequest).sync
