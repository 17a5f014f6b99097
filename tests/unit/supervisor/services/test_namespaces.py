"""containerd.services.namespaces.v1; its answers are in tests/contract/test_metadata_store.py."""

from google.protobuf.field_mask_pb2 import FieldMask

from proto.containerd.services.namespaces.v1 import namespace_pb2 as api
from supervisor.metadata.db import Database
from supervisor.metadata.namespaces import NamespaceTable
from supervisor.services.namespaces import NamespacesService
from tests.fakes.grpc_context import Context
from tests.fakes.supervisor_events import RecordingExchange


async def test_a_namespaces_life_is_told_in_itself(db: Database, exchange: RecordingExchange) -> None:
    """The caller needs none to speak of one."""
    service, nowhere = NamespacesService(NamespaceTable(db), exchange), Context("")
    one = api.Namespace(name="a", labels={"x": "1"})
    await service.Create(api.CreateNamespaceRequest(namespace=one), nowhere)
    assert (await service.Get(api.GetNamespaceRequest(name="a"), nowhere)).namespace == one
    one.labels["x"] = "2"
    mask = FieldMask(paths=["labels.x"])
    updated = await service.Update(api.UpdateNamespaceRequest(namespace=one, update_mask=mask), nowhere)
    assert updated.namespace == one
    assert list((await service.List(api.ListNamespacesRequest(), nowhere)).namespaces) == [one]
    await service.Delete(api.DeleteNamespaceRequest(name="a"), nowhere)
    assert exchange.topics == ["/namespaces/create", "/namespaces/update", "/namespaces/delete"]
    assert {envelope.namespace for envelope in exchange.envelopes} == {"a"}
