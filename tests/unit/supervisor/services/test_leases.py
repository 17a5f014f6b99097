"""containerd.services.leases.v1; its answers are in tests/contract/test_metadata_store.py."""

from proto.containerd.services.leases.v1 import leases_pb2 as api
from supervisor.metadata.db import Database
from supervisor.metadata.leases import LeaseTable
from supervisor.services.leases import LeasesService, random_lease_id
from tests.fakes.grpc_context import Context


async def test_a_leases_life(db: Database, collector, context: Context) -> None:
    """With an id of ours where the client has none, and an end that can be waited for."""
    service = LeasesService(LeaseTable(db), collector)
    lease = (await service.Create(api.CreateRequest(labels={"a": "1"}), context)).lease
    assert lease.id
    assert lease.created_at.seconds
    resource = api.Resource(id="r", type="ingests")
    await service.AddResource(api.AddResourceRequest(id=lease.id, resource=resource), context)
    held = await service.ListResources(api.ListResourcesRequest(id=lease.id), context)
    assert list(held.resources) == [resource]
    await service.DeleteResource(api.DeleteResourceRequest(id=lease.id, resource=resource), context)
    assert list((await service.List(api.ListRequest(), context)).leases) == [lease]
    await service.Delete(api.DeleteRequest(id=lease.id, sync=True), context)
    assert collector.runs == 1
    await service.Create(api.CreateRequest(id="mine"), context)
    await service.Delete(api.DeleteRequest(id="mine"), context)
    assert collector.runs == 1


def test_random_ids_differ() -> None:
    """Also within a moment."""
    assert len({random_lease_id() for _ in range(100)}) == 100
