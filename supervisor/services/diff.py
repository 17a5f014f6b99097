"""containerd.services.diff.v1: layers onto mounts, and mounts into layers."""

from typing import TypeAlias

import grpc

from proto.containerd.services.diff.v1 import diff_pb2 as api
from proto.containerd.services.diff.v1 import diff_pb2_grpc
from proto.errdefs import Fault, InvalidArgument
from supervisor.content.threads import in_stoppable_thread
from supervisor.core.content import ContentStore
from supervisor.diff.apply import apply
from supervisor.diff.compare import compare
from supervisor.server.namespace import namespace_of
from supervisor.services.convert import descriptor_to_proto, mounts_from_proto

Context: TypeAlias = grpc.aio.ServicerContext


class DiffService(diff_pb2_grpc.DiffServicer):
    """The Diff service."""

    def __init__(self, content: ContentStore) -> None:
        self._content = content

    async def Apply(self, request: api.ApplyRequest, context: Context) -> api.ApplyResponse:
        if request.payloads:
            raise InvalidArgument(f"no stream processor for payload {sorted(request.payloads)[0]}: invalid argument")
        try:
            reader = self._content.reader(namespace_of(context), request.diff.digest)
        except Fault as fault:
            raise type(fault)(f"failed to get reader from content store: {fault}") from fault
        try:
            mounts = mounts_from_proto(request.mounts)
            applied = await in_stoppable_thread(
                lambda stop: apply(reader, request.diff.media_type, mounts, sync=request.sync_fs, stop=stop)
            )
        finally:
            reader.close()
        return api.ApplyResponse(applied=descriptor_to_proto(applied))

    async def Diff(self, request: api.DiffRequest, context: Context) -> api.DiffResponse:
        namespace = namespace_of(context)
        layer = await in_stoppable_thread(
            lambda stop: compare(
                self._content,
                namespace,
                mounts_from_proto(request.left),
                mounts_from_proto(request.right),
                media_type=request.media_type,
                ref=request.ref,
                labels=dict(request.labels),
                latest=request.source_date_epoch.seconds if request.HasField("source_date_epoch") else None,
                stop=stop,
            )
        )
        return api.DiffResponse(diff=descriptor_to_proto(layer))
