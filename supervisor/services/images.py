"""containerd.services.images.v1, on top of an ImageStore."""

from typing import TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty

from proto.containerd.services.images.v1 import images_pb2 as api
from proto.containerd.services.images.v1 import images_pb2_grpc
from proto.errdefs import InvalidArgument
from supervisor.core.collection import Collector
from supervisor.core.images import Image, ImageStore
from supervisor.server.namespace import namespace_of
from supervisor.services.convert import (
    descriptor_from_proto,
    descriptor_to_proto,
    timestamp_from_proto,
    timestamp_to_proto,
)

Context: TypeAlias = grpc.aio.ServicerContext


class ImagesService(images_pb2_grpc.ImagesServicer):
    """The Images service."""

    def __init__(self, store: ImageStore, collector: Collector) -> None:
        self._store = store
        self._collector = collector

    async def Get(self, request: api.GetImageRequest, context: Context) -> api.GetImageResponse:
        return api.GetImageResponse(image=image_to_proto(self._store.get(namespace_of(context), request.name)))

    async def List(self, request: api.ListImagesRequest, context: Context) -> api.ListImagesResponse:
        images = self._store.list(namespace_of(context), list(request.filters))
        return api.ListImagesResponse(images=map(image_to_proto, images))

    async def Create(self, request: api.CreateImageRequest, context: Context) -> api.CreateImageResponse:
        namespace = namespace_of(context)
        if not request.image.name:
            raise InvalidArgument("Image.Name required")
        image = image_from_proto(request.image)
        image.created_at = timestamp_from_proto(request.source_date_epoch)
        return api.CreateImageResponse(image=image_to_proto(self._store.create(namespace, image)))

    async def Update(self, request: api.UpdateImageRequest, context: Context) -> api.UpdateImageResponse:
        namespace = namespace_of(context)
        if not request.image.name:
            raise InvalidArgument("Image.Name required")
        image = image_from_proto(request.image)
        image.updated_at = timestamp_from_proto(request.source_date_epoch)
        updated = self._store.update(namespace, image, list(request.update_mask.paths))
        return api.UpdateImageResponse(image=image_to_proto(updated))

    async def Delete(self, request: api.DeleteImageRequest, context: Context) -> Empty:
        self._store.delete(namespace_of(context), request.name, request.target.digest)
        if request.sync:
            await self._collector.collect()
        return Empty()


def image_to_proto(image: Image) -> api.Image:
    return api.Image(
        name=image.name,
        labels=image.labels,
        target=descriptor_to_proto(image.target),
        created_at=timestamp_to_proto(image.created_at),
        updated_at=timestamp_to_proto(image.updated_at),
    )


def image_from_proto(message: api.Image) -> Image:
    """The times are the store's to say."""
    return Image(message.name, descriptor_from_proto(message.target), dict(message.labels))
