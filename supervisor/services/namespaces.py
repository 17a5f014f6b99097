"""containerd.services.namespaces.v1, on top of a NamespaceStore. Needs no namespace of the caller."""

from typing import TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty

from proto.containerd.services.namespaces.v1 import namespace_pb2 as api
from proto.containerd.services.namespaces.v1 import namespace_pb2_grpc
from supervisor.core.events import EventPublisher
from supervisor.core.namespaces import Namespace, NamespaceStore
from supervisor.events import topics

Context: TypeAlias = grpc.aio.ServicerContext


class NamespacesService(namespace_pb2_grpc.NamespacesServicer):
    """The Namespaces service."""

    def __init__(self, store: NamespaceStore, publisher: EventPublisher) -> None:
        self._store = store
        self._publisher = publisher

    async def Get(self, request: api.GetNamespaceRequest, context: Context) -> api.GetNamespaceResponse:
        return api.GetNamespaceResponse(namespace=namespace_to_proto(self._store.get(request.name)))

    async def List(self, request: api.ListNamespacesRequest, context: Context) -> api.ListNamespacesResponse:
        return api.ListNamespacesResponse(namespaces=map(namespace_to_proto, self._store.list()))

    async def Create(self, request: api.CreateNamespaceRequest, context: Context) -> api.CreateNamespaceResponse:
        created = self._store.create(namespace_from_proto(request.namespace))
        self._publisher.publish(created.name, topics.NAMESPACE_CREATE, topics.namespace_create(created))
        return api.CreateNamespaceResponse(namespace=namespace_to_proto(created))

    async def Update(self, request: api.UpdateNamespaceRequest, context: Context) -> api.UpdateNamespaceResponse:
        updated = self._store.update(namespace_from_proto(request.namespace), list(request.update_mask.paths))
        self._publisher.publish(updated.name, topics.NAMESPACE_UPDATE, topics.namespace_update(updated))
        return api.UpdateNamespaceResponse(namespace=namespace_to_proto(updated))

    async def Delete(self, request: api.DeleteNamespaceRequest, context: Context) -> Empty:
        self._store.delete(request.name)
        self._publisher.publish(request.name, topics.NAMESPACE_DELETE, topics.namespace_delete(request.name))
        return Empty()


def namespace_to_proto(namespace: Namespace) -> api.Namespace:
    return api.Namespace(name=namespace.name, labels=namespace.labels)


def namespace_from_proto(message: api.Namespace) -> Namespace:
    return Namespace(message.name, dict(message.labels))
