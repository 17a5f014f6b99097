"""containerd.services.transfer.v1 with streaming.v1: images in and out, by one call each."""

from collections.abc import AsyncIterator

import grpc
from google.protobuf import any_pb2, message

from engine.supervisor_client.channel import Channel
from engine.supervisor_client.faults import fault_from_status
from proto.containerd.services.streaming.v1 import streaming_pb2, streaming_pb2_grpc
from proto.containerd.services.transfer.v1 import transfer_pb2, transfer_pb2_grpc


def pack(value: message.Message) -> any_pb2.Any:
    """An Any under containerd's bare type URL."""
    return any_pb2.Any(type_url=value.DESCRIPTOR.full_name, value=value.SerializeToString())


class Stream:
    """A bidirectional stream of Anys that a transfer refers to by id."""

    def __init__(self, call: grpc.aio.StreamStreamCall) -> None:
        self._call = call

    async def send(self, value: any_pb2.Any) -> None:
        """Send one Any."""
        try:
            await self._call.write(value)
        except grpc.aio.AioRpcError as error:
            raise fault_from_status(error) from error

    async def done_sending(self) -> None:
        """Close our direction."""
        await self._call.done_writing()

    async def __aiter__(self) -> AsyncIterator[any_pb2.Any]:
        try:
            # grpc.aio forbids iterating over a call that was read from once, as `open` did
            while (value := await self._call.read()) is not grpc.aio.EOF:
                yield value
        except grpc.aio.AioRpcError as error:
            raise fault_from_status(error) from error

    def cancel(self) -> None:
        """End the stream at once."""
        self._call.cancel()


class Transfer:
    """Transfers and their streams."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stub = transfer_pb2_grpc.TransferStub(channel.grpc)
        self._streaming = streaming_pb2_grpc.StreamingStub(channel.grpc)

    async def open(self, stream_id: str) -> Stream:
        """Open a stream; returns when the supervisor knows the id."""
        call = self._streaming.Stream(metadata=self._channel.metadata())
        try:
            await call.write(pack(streaming_pb2.StreamInit(id=stream_id)))
            await call.read()  # the supervisor acknowledges with an empty message
        except grpc.aio.AioRpcError as error:
            raise fault_from_status(error) from error
        return Stream(call)

    async def transfer(
        self, source: message.Message, destination: message.Message, *, progress_stream: str = "", lease: str = ""
    ) -> None:
        """Move from source to destination; returns when all of it is there."""
        request = transfer_pb2.TransferRequest(
            source=pack(source),
            destination=pack(destination),
            options=transfer_pb2.TransferOptions(progress_stream=progress_stream),
        )
        await self._channel.unary(self._stub.Transfer, request, lease=lease)
