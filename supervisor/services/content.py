"""containerd.services.content.v1, on top of a ContentStore.

Write is a conversation: each message is answered before the next is read, and the ref stays locked to this stream
until it ends.
"""

from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty

from proto.containerd.services.content.v1 import content_pb2 as api
from proto.containerd.services.content.v1 import content_pb2_grpc
from proto.errdefs import AlreadyExists, Fault, InvalidArgument, NotFound, OutOfRange
from supervisor.content.threads import in_thread
from supervisor.core.content import ContentStore, ContentWriter, Info, Status
from supervisor.core.digests import digest_problem
from supervisor.core.identifiers import quoted
from supervisor.server.namespace import namespace_of
from supervisor.services.convert import timestamp_to_proto

Context: TypeAlias = grpc.aio.ServicerContext

_LISTED = 100  # infos in one message
_READ = 1 << 20
_SMALL = 1 << 16  # documents: read in less time than a thread takes to be asked
_INLINE = 1 << 16  # writes up to this are cheaper than a thread


class ContentService(content_pb2_grpc.ContentServicer):
    """The Content service."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store

    async def Info(self, request: api.InfoRequest, context: Context) -> api.InfoResponse:
        info = self._store.info(namespace_of(context), _validated(request.digest))
        return api.InfoResponse(info=info_to_proto(info))

    async def Update(self, request: api.UpdateRequest, context: Context) -> api.UpdateResponse:
        wanted = Info(_validated(request.info.digest), labels=dict(request.info.labels))
        updated = self._store.update(namespace_of(context), wanted, list(request.update_mask.paths))
        return api.UpdateResponse(info=info_to_proto(updated))

    async def List(self, request: api.ListContentRequest, context: Context) -> AsyncIterator[api.ListContentResponse]:
        infos = await in_thread(lambda: list(self._store.list(namespace_of(context), list(request.filters))))
        for start in range(0, len(infos), _LISTED):
            yield api.ListContentResponse(info=[info_to_proto(info) for info in infos[start : start + _LISTED]])

    async def Delete(self, request: api.DeleteContentRequest, context: Context) -> Empty:
        problem = digest_problem(request.digest)
        if problem is not None:
            raise InvalidArgument(problem)
        self._store.delete(namespace_of(context), request.digest)
        return Empty()

    async def Read(self, request: api.ReadContentRequest, context: Context) -> AsyncIterator[api.ReadContentResponse]:
        problem = digest_problem(request.digest)
        if problem is not None:
            raise InvalidArgument(f"{request.digest}: {problem}")
        namespace = namespace_of(context)
        size = self._store.info(namespace, request.digest).size
        at = max(request.offset, 0)
        if at > size:
            raise OutOfRange(f"read past object length {size} bytes")
        end = size if request.size <= 0 else min(size, at + request.size)
        reader = self._store.reader(namespace, request.digest)
        try:
            sent = 0  # containerd counts from the start of what was asked for, and clients ignore it
            while at < end:
                length = min(_READ, end - at)
                if length <= _SMALL:
                    data = reader.read_at(at, length)
                else:
                    data = await in_thread(reader.read_at, at, length)
                if not data:
                    raise OutOfRange(f"read past object length {at} bytes")
                yield api.ReadContentResponse(offset=sent, data=data)
                at += len(data)
                sent += len(data)
        finally:
            reader.close()

    async def Status(self, request: api.StatusRequest, context: Context) -> api.StatusResponse:
        try:
            status = self._store.status(namespace_of(context), request.ref)
        except Fault as fault:
            raise type(fault)(f"could not get status for ref {quoted(request.ref)}: {fault}") from fault
        return api.StatusResponse(status=status_to_proto(status))

    async def ListStatuses(self, request: api.ListStatusesRequest, context: Context) -> api.ListStatusesResponse:
        statuses = await in_thread(self._store.statuses, namespace_of(context), list(request.filters))
        return api.ListStatusesResponse(statuses=[status_to_proto(status) for status in statuses])

    async def Write(
        self, requests: AsyncIterator[api.WriteContentRequest], context: Context
    ) -> AsyncIterator[api.WriteContentResponse]:
        first = await anext(aiter(requests), None)
        if first is None or not first.ref:
            raise InvalidArgument("first message must have a reference")
        namespace = namespace_of(context)
        writer = await in_thread(self._store.writer, namespace, first.ref, first.total, first.expected)
        session = _WriteSession(self._store, namespace, first, writer)
        try:
            yield await session.answer(first)
            if first.action == api.WriteAction.COMMIT:
                return
            async for request in requests:
                yield await session.answer(request)
                if request.action == api.WriteAction.COMMIT:
                    return
        finally:
            await in_thread(writer.close)

    async def Abort(self, request: api.AbortRequest, context: Context) -> Empty:
        await in_thread(self._store.abort, namespace_of(context), request.ref)
        return Empty()


class _WriteSession:
    """One Write stream: what the client has said about size and digest so far, and its writer."""

    def __init__(
        self, store: ContentStore, namespace: str, first: api.WriteContentRequest, writer: ContentWriter
    ) -> None:
        self._store = store
        self._namespace = namespace
        self._ref = first.ref
        self._writer = writer
        self._total = first.total
        self._expected = first.expected

    async def answer(self, request: api.WriteContentRequest) -> api.WriteContentResponse:
        """Do what one message asks for."""
        status = self._writer.status()
        response = api.WriteContentResponse(action=request.action, offset=status.offset)
        if request.expected:
            self._expected = request.expected
            await self._refuse_existing(request.expected)
        self._total = request.total or self._total
        if request.action == api.WriteAction.STAT:
            response.digest = self._writer.digest()
            response.started_at.CopyFrom(timestamp_to_proto(status.started_at))
            response.updated_at.CopyFrom(timestamp_to_proto(status.updated_at))
            response.total = self._total
            return response
        await self._write(request, status.offset, response)
        if request.action == api.WriteAction.COMMIT:
            # an absent map cannot be told from an empty one: both leave the blob without labels
            response.digest = await in_thread(self._writer.commit, self._total, self._expected, dict(request.labels))
        else:
            response.digest = self._writer.digest()
        return response

    async def _write(self, request: api.WriteContentRequest, offset: int, response: api.WriteContentResponse) -> None:
        if request.offset > 0 and request.offset != offset:
            raise OutOfRange(f"write @{request.offset} must occur at current offset {offset}")
        if request.offset == 0 and offset > 0:
            await in_thread(self._writer.truncate, 0)
            response.offset = 0
        if len(request.data) <= _INLINE:
            response.offset += self._writer.write(request.data) if request.data else 0
        else:
            response.offset += await in_thread(self._writer.write, request.data)

    async def _refuse_existing(self, expected: str) -> None:
        """The blob may have come from elsewhere since the stream began: then this ingest is not needed."""
        problem = digest_problem(expected)
        if problem is not None:
            raise InvalidArgument(f"{quoted(expected)} failed validation")
        try:
            self._store.info(self._namespace, expected)
        except NotFound:
            return
        await in_thread(self._writer.close)
        try:
            await in_thread(self._store.abort, self._namespace, self._ref)
        except NotFound:
            pass  # nothing was written yet
        raise AlreadyExists(f"blob with expected digest {expected} exists")


def _validated(digest: str) -> str:
    if digest_problem(digest) is not None:
        raise InvalidArgument(f"{quoted(digest)} failed validation")
    return digest


def info_to_proto(info: Info) -> api.Info:
    """A blob's description for the wire."""
    return api.Info(
        digest=info.digest,
        size=info.size,
        created_at=timestamp_to_proto(info.created_at),
        updated_at=timestamp_to_proto(info.updated_at),
        labels=info.labels,
    )


def status_to_proto(status: Status) -> api.Status:
    """A write's progress for the wire."""
    return api.Status(
        started_at=timestamp_to_proto(status.started_at),
        updated_at=timestamp_to_proto(status.updated_at),
        ref=status.ref,
        offset=status.offset,
        total=status.total,
        expected=status.expected,
    )
