"""containerd.services.snapshots.v1, on top of a SnapshotStore."""

import asyncio
from collections.abc import AsyncIterator
from itertools import islice
from typing import TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty

from proto.containerd.services.snapshots.v1 import snapshots_pb2 as api
from proto.containerd.services.snapshots.v1 import snapshots_pb2_grpc
from supervisor.core.snapshots import Info, Kind, SnapshotStore
from supervisor.server.namespace import namespace_of
from supervisor.services.convert import mounts_to_proto, timestamp_to_proto

Context: TypeAlias = grpc.aio.ServicerContext

_LISTED_AT_ONCE = 100


class SnapshotsService(snapshots_pb2_grpc.SnapshotsServicer):
    """The Snapshots service. What makes folders, copies or measures gets a thread: the file system may be busy."""

    def __init__(self, store: SnapshotStore) -> None:
        self._store = store

    async def Prepare(self, request: api.PrepareSnapshotRequest, context: Context) -> api.PrepareSnapshotResponse:
        mounts = await asyncio.to_thread(
            self._store.prepare,
            namespace_of(context),
            request.snapshotter,
            request.key,
            request.parent,
            dict(request.labels),
        )
        return api.PrepareSnapshotResponse(mounts=mounts_to_proto(mounts))

    async def View(self, request: api.ViewSnapshotRequest, context: Context) -> api.ViewSnapshotResponse:
        mounts = await asyncio.to_thread(
            self._store.view,
            namespace_of(context),
            request.snapshotter,
            request.key,
            request.parent,
            dict(request.labels),
        )
        return api.ViewSnapshotResponse(mounts=mounts_to_proto(mounts))

    async def Mounts(self, request: api.MountsRequest, context: Context) -> api.MountsResponse:
        mounts = self._store.mounts(namespace_of(context), request.snapshotter, request.key)
        return api.MountsResponse(mounts=mounts_to_proto(mounts))

    async def Commit(self, request: api.CommitSnapshotRequest, context: Context) -> Empty:
        self._store.commit(
            namespace_of(context),
            request.snapshotter,
            request.name,
            request.key,
            dict(request.labels),
            request.parent or None,
        )
        return Empty()

    async def Remove(self, request: api.RemoveSnapshotRequest, context: Context) -> Empty:
        self._store.remove(namespace_of(context), request.snapshotter, request.key)
        return Empty()

    async def Stat(self, request: api.StatSnapshotRequest, context: Context) -> api.StatSnapshotResponse:
        info = self._store.stat(namespace_of(context), request.snapshotter, request.key)
        return api.StatSnapshotResponse(info=info_to_proto(info))

    async def Update(self, request: api.UpdateSnapshotRequest, context: Context) -> api.UpdateSnapshotResponse:
        wanted = Info(request.info.name, labels=dict(request.info.labels))
        updated = self._store.update(
            namespace_of(context), request.snapshotter, wanted, list(request.update_mask.paths)
        )
        return api.UpdateSnapshotResponse(info=info_to_proto(updated))

    async def List(
        self, request: api.ListSnapshotsRequest, context: Context
    ) -> AsyncIterator[api.ListSnapshotsResponse]:
        infos = self._store.list(namespace_of(context), request.snapshotter, list(request.filters))
        while block := list(islice(infos, _LISTED_AT_ONCE)):
            yield api.ListSnapshotsResponse(info=map(info_to_proto, block))

    async def Usage(self, request: api.UsageRequest, context: Context) -> api.UsageResponse:
        usage = await asyncio.to_thread(self._store.usage, namespace_of(context), request.snapshotter, request.key)
        return api.UsageResponse(size=usage.size, inodes=usage.inodes)

    async def Cleanup(self, request: api.CleanupRequest, context: Context) -> Empty:
        await asyncio.to_thread(self._store.cleanup, namespace_of(context), request.snapshotter)
        return Empty()


def info_to_proto(info: Info) -> api.Info:
    return api.Info(
        name=info.name,
        parent=info.parent,
        kind=_KINDS[info.kind],
        created_at=timestamp_to_proto(info.created_at),
        updated_at=timestamp_to_proto(info.updated_at),
        labels=info.labels,
    )


_KINDS = {Kind.UNKNOWN: api.UNKNOWN, Kind.VIEW: api.VIEW, Kind.ACTIVE: api.ACTIVE, Kind.COMMITTED: api.COMMITTED}
