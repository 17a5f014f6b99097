"""containerd.services.diff.v1: layers onto mounts, and mounts into layers."""

from collections.abc import Iterable
from typing import TypeAlias

import grpc

from proto.containerd.services.diff.v1 import diff_pb2 as api
from proto.containerd.services.diff.v1 import diff_pb2_grpc
from proto.containerd.types import descriptor_pb2, mount_pb2
from proto.errdefs import InvalidArgument
from supervisor.content.threads import in_thread
from supervisor.core.content import ContentStore
from supervisor.core.digests import Descriptor
from supervisor.core.snapshots import Mount
from supervisor.diff.apply import apply
from supervisor.diff.compare import compare
from supervisor.server.namespace import namespace_of

Context: TypeAlias = grpc.aio.ServicerContext


class DiffService(diff_pb2_grpc.DiffServicer):
    """The Diff service."""

    def __init__(self, content: ContentStore) -> None:
        self._content = content

    async def Apply(self, request: api.ApplyRequest, context: Context) -> api.ApplyResponse:
        if request.payloads:
            raise InvalidArgument(f"no stream processor for payload {sorted(request.payloads)[0]}: invalid argument")
        reader = self._content.reader(namespace_of(context), request.diff.digest)
        try:
            applied = await in_thread(
                apply, reader, request.diff.media_type, mounts_from_proto(request.mounts), sync=request.sync_fs
            )
        finally:
            reader.close()
        return api.ApplyResponse(applied=descriptor_to_proto(applied))

    async def Diff(self, request: api.DiffRequest, context: Context) -> api.DiffResponse:
        layer = await in_thread(
            compare,
            self._content,
            namespace_of(context),
            mounts_from_proto(request.left),
            mounts_from_proto(request.right),
            media_type=request.media_type,
            ref=request.ref,
            labels=dict(request.labels),
            latest=request.source_date_epoch.seconds if request.HasField("source_date_epoch") else None,
        )
        return api.DiffResponse(diff=descriptor_to_proto(layer))


def mounts_from_proto(mounts: Iterable[mount_pb2.Mount]) -> list[Mount]:
    """Mounts from the wire."""
    return [Mount(one.type, one.source, tuple(one.options), one.target) for one in mounts]


def descriptor_to_proto(descriptor: Descriptor) -> descriptor_pb2.Descriptor:
    """A descriptor for the wire."""
    return descriptor_pb2.Descriptor(
        media_type=descriptor.media_type,
        digest=descriptor.digest,
        size=descriptor.size,
        annotations=descriptor.annotations,
    )
