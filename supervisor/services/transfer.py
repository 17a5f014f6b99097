"""containerd.services.transfer.v1: one call with a source, a destination, and the name of a stream for progress."""

import asyncio
from typing import TypeAlias

import grpc
from google.protobuf import any_pb2
from google.protobuf.empty_pb2 import Empty

from proto import anys
from proto.containerd.services.transfer.v1 import transfer_pb2 as api
from proto.containerd.services.transfer.v1 import transfer_pb2_grpc
from proto.containerd.types.transfer import imagestore_pb2, importexport_pb2, progress_pb2, registry_pb2
from proto.errdefs import InvalidArgument, NotFound, Unavailable, Unimplemented
from supervisor.registry.auth import Credential, Credentials
from supervisor.server.namespace import namespace_of
from supervisor.services.convert import descriptor_to_proto, platform_from_proto
from supervisor.transfer.endpoints import ExportEnd, ExtraReference, ImageStoreEnd, ImportEnd, RegistryEnd, Unpack
from supervisor.transfer.local import End, Transfers
from supervisor.transfer.progress import Progress, Send
from supervisor.transfer.streams import Stream, Streams

Context: TypeAlias = grpc.aio.ServicerContext


class TransferService(transfer_pb2_grpc.TransferServicer):
    """The Transfer service."""

    def __init__(self, transfers: Transfers, streams: Streams) -> None:
        self._transfers = transfers
        self._streams = streams

    async def Transfer(self, request: api.TransferRequest, context: Context) -> Empty:
        namespace = namespace_of(context)
        progress = self._stream(namespace, request.options.progress_stream)
        try:
            source = self._end(namespace, request.source)
            destination = self._end(namespace, request.destination)
            try:
                await self._transfers.transfer(
                    namespace, source, destination, _sender(progress) if progress is not None else None
                )
            except Unimplemented as fault:
                if not str(fault).startswith("unable to transfer"):
                    raise
                raise Unimplemented(
                    f"method Transfer not implemented for {request.source.type_url} to {request.destination.type_url}"
                ) from fault
        finally:
            if progress is not None:
                await progress.close()
        return Empty()

    def _stream(self, namespace: str, name: str) -> Stream | None:
        return self._streams.get(namespace, name) if name else None

    def _end(self, namespace: str, value: any_pb2.Any) -> End:
        try:
            message = anys.unpack(value)
        except NotFound:
            raise Unimplemented(f"unable to transfer {value.type_url}: not implemented") from None
        match message:
            case imagestore_pb2.ImageStore():
                return image_store_from_proto(message)
            case registry_pb2.OCIRegistry():
                return self._registry(namespace, message)
            case importexport_pb2.ImageImportStream():
                stream = self._streams.get(namespace, message.stream)
                return ImportEnd(stream, message.media_type, message.force_compress)
            case importexport_pb2.ImageExportStream():
                return ExportEnd(
                    self._streams.get(namespace, message.stream),
                    message.media_type,
                    [platform_from_proto(platform) for platform in message.platforms],
                    message.all_platforms,
                    message.skip_compatibility_manifest,
                    message.skip_non_distributable,
                )
        raise Unimplemented(f"unable to transfer {value.type_url}: not implemented")

    def _registry(self, namespace: str, message: registry_pb2.OCIRegistry) -> RegistryEnd:
        resolver = message.resolver
        if resolver.http_debug != registry_pb2.HTTPDebug.DISABLED:
            raise Unimplemented("http_debug is not supported: not implemented")
        auth = self._stream(namespace, resolver.auth_stream)
        return RegistryEnd(
            reference=message.reference,
            headers=dict(resolver.headers),
            host_dir=resolver.host_dir,
            default_scheme=resolver.default_scheme,
            credentials=_credentials(auth, message.reference) if auth is not None else None,
        )


def image_store_from_proto(message: imagestore_pb2.ImageStore) -> ImageStoreEnd:
    """An image store's wishes from the wire."""
    return ImageStoreEnd(
        name=message.name,
        labels=dict(message.labels),
        platforms=[platform_from_proto(platform) for platform in message.platforms],
        all_metadata=message.all_metadata,
        manifest_limit=message.manifest_limit,
        extra_references=[
            ExtraReference(one.name, one.is_prefix, one.allow_overwrite, one.add_digest, one.skip_named_digest)
            for one in message.extra_references
        ],
        unpacks=[Unpack(platform_from_proto(one.platform), one.snapshotter) for one in message.unpacks],
    )


def _sender(stream: Stream) -> Send:
    async def send(progress: Progress) -> None:
        message = progress_pb2.Progress(
            event=progress.event,
            name=progress.name,
            parents=progress.parents,
            progress=progress.progress,
            total=progress.total,
        )
        if progress.descriptor is not None:
            message.desc.CopyFrom(descriptor_to_proto(progress.descriptor))
        await stream.send(anys.pack(message))

    return send


def _credentials(stream: Stream, reference: str) -> Credentials:
    asking = asyncio.Lock()  # a question and its answer belong together

    async def ask(host: str) -> Credential | None:
        async with asking:
            await stream.send(anys.pack(registry_pb2.AuthRequest(host=host, reference=reference)))
            answer = await stream.receive()
        if answer is None:
            raise Unavailable("the client ended the stream it was to give credentials on: unavailable")
        message = anys.unpack(answer)
        if not isinstance(message, registry_pb2.AuthResponse):
            raise InvalidArgument(f"credentials expected, {answer.type_url} received: invalid argument")
        match message.authType:
            case registry_pb2.AuthType.CREDENTIALS:
                return Credential(message.username, message.secret) if message.username or message.secret else None
            case registry_pb2.AuthType.REFRESH:
                return Credential("", message.secret) if message.secret else None
            case registry_pb2.AuthType.HEADER:
                return Credential(header=message.secret) if message.secret else None
        return None

    return ask
