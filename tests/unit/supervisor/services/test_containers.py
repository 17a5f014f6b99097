"""containerd.services.containers.v1; its answers are in tests/contract/test_metadata_store.py."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from proto.containerd.services.containers.v1 import containers_pb2 as api
from proto.errdefs import InvalidArgument, NotFound
from supervisor.metadata.containers import ContainerTable
from supervisor.metadata.db import Database
from supervisor.services.containers import ContainersService, container_from_proto, container_to_proto
from tests.fakes.grpc_context import Context
from tests.fakes.supervisor_events import RecordingExchange
from tests.fakes.supervisor_servers import container


def test_a_record_survives_the_way_there_and_back() -> None:
    """Unset options and spec stay unset."""
    record = container(labels={"a": "1"}, image="i", snapshotter="o", snapshot_key="k", sandbox="s")
    record.extensions["x"].type_url = "t"
    back = container_to_proto(container_from_proto(record))
    back.ClearField("created_at")
    back.ClearField("updated_at")
    assert back == record
    assert container_from_proto(api.Container(id="c")).spec is None


async def test_each_change_is_told(db: Database, exchange: RecordingExchange, context: Context) -> None:
    """After it was made; a refused one is not."""
    service = ContainersService(ContainerTable(db), exchange)
    await service.Create(api.CreateContainerRequest(container=container()), context)
    mask = FieldMask(paths=["image"])
    changed = api.UpdateContainerRequest(container=container(image="i"), update_mask=mask)
    assert (await service.Update(changed, context)).container.image == "i"
    assert (await service.Get(api.GetContainerRequest(id="c1"), context)).container.image == "i"
    assert len((await service.List(api.ListContainersRequest(), context)).containers) == 1
    streamed = [one async for one in service.ListStream(api.ListContainersRequest(), context)]
    assert [one.container.id for one in streamed] == ["c1"]
    await service.Delete(api.DeleteContainerRequest(id="c1"), context)
    with pytest.raises(NotFound):
        await service.Delete(api.DeleteContainerRequest(id="c1"), context)
    with pytest.raises(InvalidArgument, match=r"Container\.ID required"):
        await service.Update(api.UpdateContainerRequest(), context)
    assert exchange.topics == ["/containers/create", "/containers/update", "/containers/delete"]
