"""containerd.services.content.v1: blobs by digest."""

from collections.abc import AsyncIterator, Iterable

import grpc
from google.protobuf import field_mask_pb2

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.faults import fault_from_status
from proto.containerd.services.content.v1 import content_pb2, content_pb2_grpc
from proto.errdefs import AlreadyExists, NotFound

_CHUNK = 1 << 20


class Content:
    """The blobs of the namespace."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stub = content_pb2_grpc.ContentStub(channel.grpc)

    async def info(self, digest: str) -> content_pb2.Info:
        """Size and labels of a blob."""
        answer: content_pb2.InfoResponse = await self._channel.unary(
            self._stub.Info, content_pb2.InfoRequest(digest=digest)
        )
        return answer.info

    async def list(self, *filters: str) -> list[content_pb2.Info]:
        """The blobs that match one of the filters."""
        found: list[content_pb2.Info] = []
        async for answer in self._channel.stream(self._stub.List, content_pb2.ListContentRequest(filters=filters)):
            found.extend(answer.info)
        return found

    async def update(self, info: content_pb2.Info, paths: Iterable[str]) -> content_pb2.Info:
        """Change the labels named ("labels.<key>")."""
        request = content_pb2.UpdateRequest(info=info, update_mask=field_mask_pb2.FieldMask(paths=list(paths)))
        answer: content_pb2.UpdateResponse = await self._channel.unary(self._stub.Update, request)
        return answer.info

    async def chunks(self, digest: str, offset: int = 0, size: int = 0) -> AsyncIterator[bytes]:
        """The blob's bytes, piece by piece."""
        request = content_pb2.ReadContentRequest(digest=digest, offset=offset, size=size)
        async for answer in self._channel.stream(self._stub.Read, request):
            yield answer.data

    async def read(self, digest: str) -> bytes:
        """A small blob whole."""
        return b"".join([chunk async for chunk in self.chunks(digest)])

    async def write(self, ref: str, data: bytes, digest: str, labels: dict[str, str], *, lease: str = "") -> None:
        """Store a small blob; one that is there already is no error."""

        async def requests() -> AsyncIterator[content_pb2.WriteContentRequest]:
            for offset in range(0, len(data), _CHUNK):
                yield content_pb2.WriteContentRequest(
                    action=content_pb2.WriteAction.WRITE,
                    ref=ref,
                    total=len(data),
                    expected=digest,
                    offset=offset,
                    data=data[offset : offset + _CHUNK],
                )
            yield content_pb2.WriteContentRequest(
                action=content_pb2.WriteAction.COMMIT,
                ref=ref,
                total=len(data),
                expected=digest,
                offset=len(data),
                labels=labels,
            )

        try:
            async for _ in self._stub.Write(requests(), metadata=self._channel.metadata(lease)):
                pass
        except grpc.aio.AioRpcError as error:
            # A server that has the blob ends the call while we still send: gRPC may then tell of that instead.
            fault = fault_from_status(error)
            if not isinstance(fault, AlreadyExists) and not await self._has(digest):
                raise fault from error

    async def _has(self, digest: str) -> bool:
        try:
            await self.info(digest)
        except NotFound:
            return False
        return True

    async def ingest(self, ref: str, chunks: AsyncIterator[bytes], *, lease: str = "") -> tuple[str, int]:
        """Store a blob of unknown length as it comes; answers its digest and size."""
        size = 0

        async def requests() -> AsyncIterator[content_pb2.WriteContentRequest]:
            nonlocal size
            async for data in chunks:
                for start in range(0, len(data), _CHUNK):
                    piece = data[start : start + _CHUNK]
                    yield content_pb2.WriteContentRequest(
                        action=content_pb2.WriteAction.WRITE, ref=ref, offset=size, data=piece
                    )
                    size += len(piece)
            yield content_pb2.WriteContentRequest(action=content_pb2.WriteAction.COMMIT, ref=ref, offset=size)

        digest = ""
        try:
            async for answer in self._stub.Write(requests(), metadata=self._channel.metadata(lease)):
                digest = answer.digest
        except grpc.aio.AioRpcError as error:
            fault = fault_from_status(error)
            if not isinstance(fault, AlreadyExists):
                raise fault from error
        return digest, size

    async def abort(self, ref: str) -> None:
        """Forget a write that has begun."""
        await self._channel.unary(self._stub.Abort, content_pb2.AbortRequest(ref=ref))

    async def delete(self, digest: str) -> None:
        """Remove a blob now."""
        await self._channel.unary(self._stub.Delete, content_pb2.DeleteContentRequest(digest=digest))
