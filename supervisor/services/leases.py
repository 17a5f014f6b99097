"""containerd.services.leases.v1, on top of a LeaseStore."""

import base64
import os
import time
from typing import TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty

from proto.containerd.services.leases.v1 import leases_pb2 as api
from proto.containerd.services.leases.v1 import leases_pb2_grpc
from supervisor.core.collection import Collector
from supervisor.core.leases import Lease, LeaseStore, Resource
from supervisor.server.namespace import namespace_of
from supervisor.services.convert import timestamp_to_proto

Context: TypeAlias = grpc.aio.ServicerContext


class LeasesService(leases_pb2_grpc.LeasesServicer):
    """The Leases service."""

    def __init__(self, store: LeaseStore, collector: Collector) -> None:
        self._store = store
        self._collector = collector

    async def Create(self, request: api.CreateRequest, context: Context) -> api.CreateResponse:
        lease = Lease(request.id or random_lease_id(), dict(request.labels))
        return api.CreateResponse(lease=lease_to_proto(self._store.create(namespace_of(context), lease)))

    async def Delete(self, request: api.DeleteRequest, context: Context) -> Empty:
        self._store.delete(namespace_of(context), request.id)
        if request.sync:
            await self._collector.collect()
        return Empty()

    async def List(self, request: api.ListRequest, context: Context) -> api.ListResponse:
        leases = self._store.list(namespace_of(context), list(request.filters))
        return api.ListResponse(leases=map(lease_to_proto, leases))

    async def AddResource(self, request: api.AddResourceRequest, context: Context) -> Empty:
        self._store.add_resource(namespace_of(context), request.id, _resource(request.resource))
        return Empty()

    async def DeleteResource(self, request: api.DeleteResourceRequest, context: Context) -> Empty:
        self._store.delete_resource(namespace_of(context), request.id, _resource(request.resource))
        return Empty()

    async def ListResources(self, request: api.ListResourcesRequest, context: Context) -> api.ListResourcesResponse:
        resources = self._store.list_resources(namespace_of(context), request.id)
        return api.ListResourcesResponse(
            resources=[api.Resource(id=resource.id, type=resource.type) for resource in resources]
        )


def lease_to_proto(lease: Lease) -> api.Lease:
    return api.Lease(id=lease.id, labels=lease.labels, created_at=timestamp_to_proto(lease.created_at))


def random_lease_id() -> str:
    """The nanosecond and three random bytes, as containerd's own."""
    return f"{time.time_ns() % 1_000_000_000}-{base64.urlsafe_b64encode(os.urandom(3)).decode()}"


def _resource(message: api.Resource) -> Resource:
    return Resource(message.id, message.type)
