"""containerd.services.images.v1; its answers are in tests/contract/test_metadata_store.py."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from proto.containerd.services.images.v1 import images_pb2 as api
from proto.containerd.types.descriptor_pb2 import Descriptor
from proto.errdefs import InvalidArgument, NotFound
from supervisor.metadata.db import Database
from supervisor.metadata.images import ImageTable
from supervisor.services.images import ImagesService
from tests.fakes.grpc_context import Context
from tests.fakes.supervisor_events import RecordingExchange

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def image(digest: str = A) -> api.Image:
    return api.Image(name="i", target=Descriptor(media_type="m", digest=digest, size=1))


async def test_an_image_lives_and_its_end_can_be_waited_for(
    db: Database, exchange: RecordingExchange, collector, context: Context
) -> None:
    """A synchronous deletion runs the collector."""
    service = ImagesService(ImageTable(db, exchange), collector)
    epoch = Timestamp(seconds=42)
    made = await service.Create(api.CreateImageRequest(image=image(), source_date_epoch=epoch), context)
    assert made.image.created_at == made.image.updated_at == epoch
    mask = FieldMask(paths=["target"])
    moved = await service.Update(api.UpdateImageRequest(image=image(B), update_mask=mask), context)
    assert moved.image.target.digest == B
    assert (await service.Get(api.GetImageRequest(name="i"), context)).image == moved.image
    assert list((await service.List(api.ListImagesRequest(), context)).images) == [moved.image]
    with pytest.raises(NotFound):
        await service.Delete(api.DeleteImageRequest(name="i", sync=True, target=Descriptor(digest=A)), context)
    assert collector.runs == 0
    await service.Delete(api.DeleteImageRequest(name="i", sync=True, target=Descriptor(digest=B)), context)
    assert collector.runs == 1


async def test_an_image_needs_a_name(db: Database, exchange: RecordingExchange, collector, context: Context) -> None:
    """To be created or updated."""
    service = ImagesService(ImageTable(db, exchange), collector)
    for call, request in (
        (service.Create, api.CreateImageRequest()),
        (service.Update, api.UpdateImageRequest()),
    ):
        with pytest.raises(InvalidArgument, match=r"Image\.Name required"):
            await call(request, context)
