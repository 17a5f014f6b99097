"""containerd.services.containers.v1, on top of a ContainerStore."""

from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty

from proto.containerd.services.containers.v1 import containers_pb2 as api
from proto.containerd.services.containers.v1 import containers_pb2_grpc
from proto.errdefs import InvalidArgument
from supervisor.core.containers import Container, ContainerStore, RuntimeInfo
from supervisor.core.events import EventPublisher
from supervisor.events import topics
from supervisor.server.namespace import namespace_of
from supervisor.services.convert import optional_to_proto, timestamp_to_proto, typed_from_proto

Context: TypeAlias = grpc.aio.ServicerContext


class ContainersService(containers_pb2_grpc.ContainersServicer):
    """The Containers service."""

    def __init__(self, store: ContainerStore, publisher: EventPublisher) -> None:
        self._store = store
        self._publisher = publisher

    async def Get(self, request: api.GetContainerRequest, context: Context) -> api.GetContainerResponse:
        container = self._store.get(namespace_of(context), request.id)
        return api.GetContainerResponse(container=container_to_proto(container))

    async def List(self, request: api.ListContainersRequest, context: Context) -> api.ListContainersResponse:
        containers = self._store.list(namespace_of(context), list(request.filters))
        return api.ListContainersResponse(containers=map(container_to_proto, containers))

    async def ListStream(
        self, request: api.ListContainersRequest, context: Context
    ) -> AsyncIterator[api.ListContainerMessage]:
        for container in self._store.list(namespace_of(context), list(request.filters)):
            yield api.ListContainerMessage(container=container_to_proto(container))

    async def Create(self, request: api.CreateContainerRequest, context: Context) -> api.CreateContainerResponse:
        namespace = namespace_of(context)
        created = self._store.create(namespace, container_from_proto(request.container))
        self._publisher.publish(namespace, topics.CONTAINER_CREATE, topics.container_create(created))
        return api.CreateContainerResponse(container=container_to_proto(created))

    async def Update(self, request: api.UpdateContainerRequest, context: Context) -> api.UpdateContainerResponse:
        namespace = namespace_of(context)
        if not request.container.id:
            raise InvalidArgument("Container.ID required")
        wanted = container_from_proto(request.container)
        updated = self._store.update(namespace, wanted, list(request.update_mask.paths))
        self._publisher.publish(namespace, topics.CONTAINER_UPDATE, topics.container_update(updated))
        return api.UpdateContainerResponse(container=container_to_proto(updated))

    async def Delete(self, request: api.DeleteContainerRequest, context: Context) -> Empty:
        namespace = namespace_of(context)
        self._store.delete(namespace, request.id)
        self._publisher.publish(namespace, topics.CONTAINER_DELETE, topics.container_delete(request.id))
        return Empty()


def container_to_proto(container: Container) -> api.Container:
    message = api.Container(
        id=container.id,
        labels=container.labels,
        image=container.image,
        runtime=api.Container.Runtime(
            name=container.runtime.name, options=optional_to_proto(container.runtime.options)
        ),
        spec=optional_to_proto(container.spec),
        snapshotter=container.snapshotter,
        snapshot_key=container.snapshot_key,
        created_at=timestamp_to_proto(container.created_at),
        updated_at=timestamp_to_proto(container.updated_at),
        sandbox=container.sandbox_id,
    )
    for name, extension in container.extensions.items():
        message.extensions[name].type_url = extension.type_url
        message.extensions[name].value = extension.value
    return message


def container_from_proto(message: api.Container) -> Container:
    runtime = message.runtime
    return Container(
        id=message.id,
        labels=dict(message.labels),
        image=message.image,
        runtime=RuntimeInfo(runtime.name, typed_from_proto(runtime.options) if runtime.HasField("options") else None),
        spec=typed_from_proto(message.spec) if message.HasField("spec") else None,
        snapshotter=message.snapshotter,
        snapshot_key=message.snapshot_key,
        extensions={name: typed_from_proto(value) for name, value in message.extensions.items()},
        sandbox_id=message.sandbox,
    )
