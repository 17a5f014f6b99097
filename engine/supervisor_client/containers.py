"""containerd.services.containers.v1: the records that say what to run."""

from collections.abc import Iterable, Mapping

from google.protobuf import any_pb2, field_mask_pb2

from engine.supervisor_client.channel import Channel
from proto.containerd.services.containers.v1 import containers_pb2, containers_pb2_grpc

SPEC_TYPE_URL = "types.containerd.io/opencontainers/runtime-spec/1/Spec"


class Containers:
    """Container records."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stub = containers_pb2_grpc.ContainersStub(channel.grpc)

    async def create(
        self,
        container_id: str,
        *,
        spec: bytes,
        runtime: str,
        options: any_pb2.Any | None = None,
        image: str = "",
        snapshotter: str = "",
        snapshot_key: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Create the record; `spec` is the OCI spec as JSON."""
        record = containers_pb2.Container(
            id=container_id,
            labels=labels or {},
            image=image,
            runtime=containers_pb2.Container.Runtime(name=runtime, options=options),
            spec=any_pb2.Any(type_url=SPEC_TYPE_URL, value=spec),
            snapshotter=snapshotter,
            snapshot_key=snapshot_key,
        )
        request = containers_pb2.CreateContainerRequest(container=record)
        await self._channel.unary(self._stub.Create, request)

    async def update(self, container: containers_pb2.Container, paths: Iterable[str]) -> containers_pb2.Container:
        """Change the fields named."""
        request = containers_pb2.UpdateContainerRequest(
            container=container, update_mask=field_mask_pb2.FieldMask(paths=list(paths))
        )
        answer: containers_pb2.UpdateContainerResponse = await self._channel.unary(self._stub.Update, request)
        return answer.container

    async def get(self, container_id: str) -> containers_pb2.Container:
        """The record."""
        request = containers_pb2.GetContainerRequest(id=container_id)
        answer: containers_pb2.GetContainerResponse = await self._channel.unary(self._stub.Get, request)
        return answer.container

    async def list(self, *filters: str) -> list[containers_pb2.Container]:
        """The records that match one of the filters."""
        request = containers_pb2.ListContainersRequest(filters=filters)
        return list((await self._channel.unary(self._stub.List, request)).containers)

    async def delete(self, container_id: str) -> None:
        """Remove the record; NotFound if there is none."""
        await self._channel.unary(self._stub.Delete, containers_pb2.DeleteContainerRequest(id=container_id))
