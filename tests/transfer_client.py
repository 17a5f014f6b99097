"""A plain gRPC client of the Transfer service, with its streams: what `ctr` 2.x does, in Python."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from proto import anys
from proto.containerd.services.streaming.v1.streaming_pb2 import StreamInit
from proto.containerd.services.streaming.v1.streaming_pb2_grpc import StreamingStub
from proto.containerd.services.transfer.v1.transfer_pb2 import TransferOptions, TransferRequest
from proto.containerd.services.transfer.v1.transfer_pb2_grpc import TransferStub
from proto.containerd.types.platform_pb2 import Platform
from proto.containerd.types.transfer import importexport_pb2, progress_pb2, registry_pb2, streaming_pb2
from proto.containerd.types.transfer.imagestore_pb2 import ImageReference, ImageStore, UnpackConfiguration
from supervisor.registry import platforms

PLATFORM = Platform(os="linux", architecture=platforms.host().architecture)


class TransferClient:
    """One client in one namespace."""

    def __init__(self, address: str, namespace: str = "default") -> None:
        self._metadata = (("containerd-namespace", namespace),)
        self._channel = grpc.aio.insecure_channel(
            f"unix:{address}", options=[("grpc.max_receive_message_length", 16 << 20)]
        )
        self.events: list[str] = []

    async def aclose(self) -> None:
        await self._channel.close()

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[tuple[str, Any]]:
        """An open stream and its name."""
        name = secrets.token_hex(8)
        call = StreamingStub(self._channel).Stream(metadata=self._metadata)
        await call.write(anys.pack(StreamInit(id=name)))
        await call.read()
        try:
            yield name, call
        finally:
            call.cancel()

    async def transfer(self, source: Message, destination: Message) -> None:
        """One transfer, its progress kept in `events`."""
        async with self.stream() as (name, call):
            telling = asyncio.ensure_future(self._listen(call))
            request = TransferRequest(
                source=anys.pack(source),
                destination=anys.pack(destination),
                options=TransferOptions(progress_stream=name),
            )
            try:
                await TransferStub(self._channel).Transfer(request, metadata=self._metadata)
                await asyncio.wait((telling,), timeout=5)
            finally:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)

    async def _listen(self, call: Any) -> None:
        while isinstance(message := await call.read(), AnyMessage):
            event = anys.unpack(message)
            assert isinstance(event, progress_pb2.Progress)
            self.events.append(event.event)

    async def import_(self, data: bytes, prefix: str = "import-test") -> None:
        """Send an archive."""
        async with self.stream() as (name, call):
            sending = asyncio.ensure_future(_send(call, data))
            try:
                await self.transfer(
                    importexport_pb2.ImageImportStream(stream=name),
                    ImageStore(
                        extra_references=[ImageReference(name=prefix, is_prefix=True, allow_overwrite=True)],
                        unpacks=[UnpackConfiguration(platform=PLATFORM)],
                    ),
                )
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def pull(
        self, reference: str, *, plain_http: bool = False, host_dir: str = "", user: str = "", secret: str = ""
    ) -> None:
        """Pull and unpack."""
        async with self._registry(reference, plain_http, host_dir, user, secret) as source:
            unpacks = [UnpackConfiguration(platform=PLATFORM)]
            await self.transfer(source, ImageStore(name=reference, platforms=[PLATFORM], unpacks=unpacks))

    async def push(self, image: str, reference: str, *, host_dir: str = "", user: str = "", secret: str = "") -> None:
        """Push an image that is here."""
        async with self._registry(reference, False, host_dir, user, secret) as destination:
            await self.transfer(ImageStore(name=image), destination)

    async def export(self, image: str) -> bytes:
        """An archive of one image."""
        async with self.stream() as (name, call):
            receiving = asyncio.ensure_future(_receive(call))
            await self.transfer(ImageStore(name=image), importexport_pb2.ImageExportStream(stream=name))
            return await asyncio.wait_for(receiving, 10)

    @asynccontextmanager
    async def _registry(
        self, reference: str, plain_http: bool, host_dir: str, user: str, secret: str
    ) -> AsyncIterator[registry_pb2.OCIRegistry]:
        async with self.stream() as (name, call):
            answering = asyncio.ensure_future(_answer(call, user, secret))
            resolver = registry_pb2.RegistryResolver(
                auth_stream=name if user else "", default_scheme="http" if plain_http else "", host_dir=host_dir
            )
            try:
                yield registry_pb2.OCIRegistry(reference=reference, resolver=resolver)
            finally:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)


async def _send(call: Any, data: bytes) -> None:
    at = room = 0
    while at < len(data):
        if room <= 0:
            room += anys.unpack(await call.read()).update  # type: ignore[union-attr]
        piece = data[at : at + min(32 * 1024, room)]
        await call.write(anys.pack(streaming_pb2.Data(data=piece)))
        at, room = at + len(piece), room - len(piece)
    await call.done_writing()


async def _receive(call: Any) -> bytes:
    parts = []
    await call.write(anys.pack(streaming_pb2.WindowUpdate(update=1 << 30)))  # once: the end may come at any time
    while isinstance(message := await call.read(), AnyMessage):
        parts.append(anys.unpack(message).data)  # type: ignore[union-attr]
    return b"".join(parts)


async def _answer(call: Any, user: str, secret: str) -> None:
    while isinstance(await call.read(), AnyMessage):
        kind = registry_pb2.AuthType.CREDENTIALS
        await call.write(anys.pack(registry_pb2.AuthResponse(authType=kind, username=user, secret=secret)))
