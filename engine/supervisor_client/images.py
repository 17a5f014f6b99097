"""containerd.services.images.v1: names for content."""

from collections.abc import Iterable

from google.protobuf import field_mask_pb2

from engine.supervisor_client.channel import Channel
from proto.containerd.services.images.v1 import images_pb2, images_pb2_grpc


class Images:
    """Image records."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stub = images_pb2_grpc.ImagesStub(channel.grpc)

    async def get(self, name: str) -> images_pb2.Image:
        """The record of that name."""
        answer: images_pb2.GetImageResponse = await self._channel.unary(
            self._stub.Get, images_pb2.GetImageRequest(name=name)
        )
        return answer.image

    async def list(self, *filters: str) -> list[images_pb2.Image]:
        """The records that match one of the filters."""
        return list((await self._channel.unary(self._stub.List, images_pb2.ListImagesRequest(filters=filters))).images)

    async def create(self, image: images_pb2.Image, *, lease: str = "") -> images_pb2.Image:
        """Create a record; AlreadyExists if the name is taken."""
        request = images_pb2.CreateImageRequest(image=image)
        answer: images_pb2.CreateImageResponse = await self._channel.unary(self._stub.Create, request, lease=lease)
        return answer.image

    async def update(self, image: images_pb2.Image, paths: Iterable[str] = ()) -> images_pb2.Image:
        """Change the fields named, or all."""
        mask = field_mask_pb2.FieldMask(paths=list(paths))
        request = images_pb2.UpdateImageRequest(image=image, update_mask=mask)
        answer: images_pb2.UpdateImageResponse = await self._channel.unary(self._stub.Update, request)
        return answer.image

    async def delete(self, name: str, *, sync: bool = False) -> None:
        """Remove a record; `sync` waits for the collector."""
        await self._channel.unary(self._stub.Delete, images_pb2.DeleteImageRequest(name=name, sync=sync))
