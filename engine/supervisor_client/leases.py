"""containerd.services.leases.v1: what keeps half-made things from the garbage collector."""

import contextlib
import time
from collections.abc import AsyncIterator, Mapping

from engine import timestamps
from engine.supervisor_client.channel import Channel
from proto.containerd.services.leases.v1 import leases_pb2, leases_pb2_grpc
from proto.errdefs import NotFound

_EXPIRE = "containerd.io/gc.expire"
_LIFE_NS = 24 * 3600 * 10**9


class Leases:
    """Leases of the namespace."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stub = leases_pb2_grpc.LeasesStub(channel.grpc)

    async def create(self, lease_id: str, labels: Mapping[str, str] | None = None) -> None:
        """Create a lease; `containerd.io/gc.expire` among the labels makes it end by itself."""
        await self._channel.unary(self._stub.Create, leases_pb2.CreateRequest(id=lease_id, labels=labels or {}))

    async def delete(self, lease_id: str, *, sync: bool = False) -> None:
        """End a lease; `sync` waits for the collector."""
        await self._channel.unary(self._stub.Delete, leases_pb2.DeleteRequest(id=lease_id, sync=sync))

    async def add(self, lease_id: str, resource_id: str, kind: str) -> None:
        """Put a resource under a lease; kind is "content", "ingests" or "snapshots/<snapshotter>"."""
        resource = leases_pb2.Resource(id=resource_id, type=kind)
        await self._channel.unary(self._stub.AddResource, leases_pb2.AddResourceRequest(id=lease_id, resource=resource))

    async def list(self, *filters: str) -> list[leases_pb2.Lease]:
        """The leases that match one of the filters."""
        return list((await self._channel.unary(self._stub.List, leases_pb2.ListRequest(filters=filters))).leases)

    @contextlib.asynccontextmanager
    async def hold(self, lease_id: str, labels: Mapping[str, str] | None = None) -> AsyncIterator[str]:
        """A lease for the length of a block; should the engine not live to end it, it ends by itself."""
        await self.create(lease_id, {_EXPIRE: timestamps.from_ns(time.time_ns() + _LIFE_NS)} | dict(labels or {}))
        try:
            yield lease_id
        finally:
            with contextlib.suppress(NotFound):
                await self.delete(lease_id)
