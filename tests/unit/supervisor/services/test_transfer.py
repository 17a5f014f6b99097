from collections.abc import AsyncIterator
from typing import Any as Anything

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty

from proto import anys
from proto.containerd.services.transfer.v1 import transfer_pb2 as api
from proto.containerd.types.platform_pb2 import Platform as PlatformProto
from proto.containerd.types.transfer import imagestore_pb2, importexport_pb2, progress_pb2, registry_pb2
from proto.errdefs import NotFound, Unavailable, Unimplemented
from supervisor.core.digests import Descriptor, Platform
from supervisor.registry.auth import Credential
from supervisor.services.transfer import TransferService, image_store_from_proto
from supervisor.transfer.endpoints import ExportEnd, ImageStoreEnd, ImportEnd, RegistryEnd
from supervisor.transfer.progress import Progress, Send
from supervisor.transfer.streams import Stream, Streams


class Context:
    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("containerd-namespace", "ns"),)


class Recorder:
    """Transfers that only remember what they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Anything, Anything]] = []

    async def transfer(self, namespace: str, source: Anything, destination: Anything, send: Send | None = None) -> None:
        self.asked.append((namespace, source, destination))
        if send is not None:
            await send(Progress("saved", "name", ("p",), 1, 2, Descriptor("m", "d", 3)))


async def messages(*items: Any) -> AsyncIterator[Any]:
    for item in items:
        yield item


@pytest.fixture
def streams() -> Streams:
    return Streams()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def service(recorder: Recorder, streams: Streams) -> TransferService:
    return TransferService(recorder, streams)  # type: ignore[arg-type]


STORE = anys.pack(imagestore_pb2.ImageStore(name="x"))


async def test_both_ends_and_the_progress_reach_each_other(
    service: TransferService, recorder: Recorder, streams: Streams
) -> None:
    progress, archive = Stream(messages()), Stream(messages())
    streams.register("ns", "p", progress)
    streams.register("ns", "a", archive)
    source = anys.pack(importexport_pb2.ImageImportStream(stream="a", media_type="t", force_compress=True))
    options = api.TransferOptions(progress_stream="p")
    await service.Transfer(api.TransferRequest(source=source, destination=STORE, options=options), Context())
    assert recorder.asked == [
        ("ns", ImportEnd(archive, "t", True), ImageStoreEnd("x", {}, [], extra_references=[], unpacks=[]))
    ]
    (event,) = [anys.unpack(message) async for message in progress.outgoing()]
    assert isinstance(event, progress_pb2.Progress)
    assert (event.event, event.name, list(event.parents), event.total, event.desc.digest) == (
        "saved",
        "name",
        ["p"],
        2,
        "d",
    )


async def test_an_export_has_its_options(service: TransferService, recorder: Recorder, streams: Streams) -> None:
    stream = Stream(messages())
    streams.register("ns", "e", stream)
    message = importexport_pb2.ImageExportStream(
        stream="e",
        platforms=[PlatformProto(os="linux", architecture="arm")],
        all_platforms=True,
        skip_compatibility_manifest=True,
    )
    await service.Transfer(api.TransferRequest(source=STORE, destination=anys.pack(message)), Context())
    assert recorder.asked[0][2] == ExportEnd(stream, "", [Platform("linux", "arm")], True, True, False)


async def test_credentials_are_asked_for_over_the_clients_stream(
    service: TransferService, recorder: Recorder, streams: Streams
) -> None:
    answers = [
        registry_pb2.AuthResponse(authType=registry_pb2.AuthType.CREDENTIALS, username="me", secret="pw"),
        registry_pb2.AuthResponse(authType=registry_pb2.AuthType.REFRESH, secret="token"),
        registry_pb2.AuthResponse(authType=registry_pb2.AuthType.HEADER, secret="Custom x"),
        registry_pb2.AuthResponse(authType=registry_pb2.AuthType.NONE),
    ]
    stream = Stream(messages(*map(anys.pack, answers)))
    streams.register("ns", "auth", stream)
    resolver = registry_pb2.RegistryResolver(
        auth_stream="auth", headers={"a": "b"}, host_dir="/h", default_scheme="http"
    )
    registry = anys.pack(registry_pb2.OCIRegistry(reference="host/x:1", resolver=resolver))
    await service.Transfer(api.TransferRequest(source=registry, destination=STORE), Context())
    end = recorder.asked[0][1]
    assert isinstance(end, RegistryEnd)
    assert (end.reference, end.headers, end.host_dir, end.default_scheme) == ("host/x:1", {"a": "b"}, "/h", "http")
    assert end.credentials is not None
    found = [await end.credentials("host") for _ in range(4)]
    assert found == [Credential("me", "pw"), Credential("", "token"), Credential(header="Custom x"), None]
    with pytest.raises(Unavailable):
        await end.credentials("host")
    await stream.close()
    asked = [anys.unpack(message) async for message in stream.outgoing()]
    assert {(one.host, one.reference) for one in asked} == {("host", "host/x:1")}  # type: ignore[union-attr]


async def test_types_and_options_that_nobody_serves_are_named(service: TransferService) -> None:
    with pytest.raises(Unimplemented, match=r"google\.protobuf\.Empty"):
        await service.Transfer(api.TransferRequest(source=anys.pack(Empty()), destination=STORE), Context())
    with pytest.raises(Unimplemented, match=r"nobody\.Knows"):
        await service.Transfer(api.TransferRequest(source=Any(type_url="nobody.Knows"), destination=STORE), Context())
    debug = registry_pb2.RegistryResolver(http_debug=registry_pb2.HTTPDebug.DEBUG)
    source = anys.pack(registry_pb2.OCIRegistry(reference="h/x", resolver=debug))
    with pytest.raises(Unimplemented, match="http_debug"):
        await service.Transfer(api.TransferRequest(source=source, destination=STORE), Context())


async def test_a_stream_that_nobody_opened_is_not_found(service: TransferService) -> None:
    source = anys.pack(importexport_pb2.ImageImportStream(stream="missing"))
    with pytest.raises(NotFound):
        await service.Transfer(api.TransferRequest(source=source, destination=STORE), Context())
    options = api.TransferOptions(progress_stream="missing")
    with pytest.raises(NotFound):
        await service.Transfer(api.TransferRequest(source=STORE, destination=STORE, options=options), Context())


def test_an_image_store_keeps_all_its_wishes() -> None:
    message = imagestore_pb2.ImageStore(
        name="n",
        labels={"a": "b"},
        platforms=[PlatformProto(os="linux", architecture="arm", variant="v7")],
        all_metadata=True,
        manifest_limit=1,
        extra_references=[imagestore_pb2.ImageReference(name="p", is_prefix=True, add_digest=True)],
        unpacks=[imagestore_pb2.UnpackConfiguration(platform=PlatformProto(os="linux"), snapshotter="native")],
    )
    end = image_store_from_proto(message)
    assert (end.name, end.labels, end.all_metadata, end.manifest_limit) == ("n", {"a": "b"}, True, 1)
    assert end.platforms == [Platform("linux", "arm", "v7")]
    assert (end.extra_references[0].add_digest, end.unpacks[0].snapshotter) == (True, "native")
