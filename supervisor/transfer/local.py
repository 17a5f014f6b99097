"""Transfers: which source may go to which destination, and the steps of import, export and tag. Pull and push have
files of their own.

    registry → store   pull        store → registry   push        store → store   tag
    archive  → store   import      store → archive    export      archive → archive   echo

What a failed transfer has fetched belongs to its lease and goes with it; image records are written last.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TypeAlias

from proto.errdefs import Fault, NotFound, Unimplemented
from proto.failpoints import reached
from supervisor.content.threads import in_thread
from supervisor.core.digests import Descriptor
from supervisor.core.images import Image
from supervisor.registry import media_types
from supervisor.registry.manifests import Blob
from supervisor.transfer import store_images
from supervisor.transfer.endpoints import ExportEnd, ImageStoreEnd, ImportEnd, RegistryEnd
from supervisor.transfer.export_archive import ArchiveExporter, ExportOptions
from supervisor.transfer.graph import Graph, choose, image_platform
from supervisor.transfer.import_archive import ArchiveImporter
from supervisor.transfer.lease import leased
from supervisor.transfer.progress import Progress, Send, Tracker
from supervisor.transfer.resources import Resources
from supervisor.transfer.streams import Bridge, ByteSender, receive_bytes
from supervisor.transfer.unpack import Fetch

End: TypeAlias = RegistryEnd | ImageStoreEnd | ImportEnd | ExportEnd

_GATHERED = 1 << 18


class Transfers:
    """The transfers of one daemon."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._stores = resources.stores

    async def transfer(self, namespace: str, source: End, destination: End, send: Send | None = None) -> None:
        """Carry out one transfer; Unimplemented for a pair that makes no sense."""
        match source, destination:
            case RegistryEnd(), ImageStoreEnd():
                from supervisor.transfer.pull import pull  # the HTTP client would be a third of the daemon's start

                with leased(self._stores.leases, namespace):
                    await pull(self._resources, namespace, source, destination, send)
            case ImageStoreEnd(), RegistryEnd():
                from supervisor.transfer.push import push

                await push(self._resources, namespace, source, destination, send)
            case ImageStoreEnd(), ExportEnd():
                with leased(self._stores.leases, namespace):
                    await self._export(namespace, source, destination, send)
            case ImageStoreEnd(), ImageStoreEnd():
                with leased(self._stores.leases, namespace):
                    await self._tag(namespace, source, destination)
            case ImportEnd(), ImageStoreEnd():
                with leased(self._stores.leases, namespace):
                    await self._import(namespace, source, destination, send)
            case ImportEnd(), ExportEnd():
                await _echo(source, destination)
            case _:
                raise Unimplemented(f"unable to transfer from {source} to {destination}: not implemented")

    async def _import(self, namespace: str, source: ImportEnd, end: ImageStoreEnd, send: Send | None) -> None:
        graph = self._resources.graph(namespace)
        tracker = Tracker(end.name, "importing", send)
        await tracker.tell(Progress("Importing"))
        bridge = Bridge()
        pump = asyncio.ensure_future(bridge.pump(_gathered(receive_bytes(source.stream))))
        try:
            index = await in_thread(ArchiveImporter(graph, compress=source.force_compress).read, iter(bridge))
        finally:
            bridge.stop()
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
            await source.stream.close()
        reached("supervisor.import.read")
        named = await self._walk_import(graph, index, end, tracker)
        reached("supervisor.import.unpacked")
        images = [*store_images.images_for_target(end, index), *named]
        for image in await in_thread(store_images.write_images, self._stores.images, namespace, images):
            await tracker.tell(Progress("saved", image.name, descriptor=image.target))
        await tracker.tell(Progress("Completed import"))

    async def _walk_import(self, graph: Graph, index: Blob, end: ImageStoreEnd, tracker: Tracker) -> list[Image]:
        """Label, unpack and name what an archive's index refers to."""
        found = await in_thread(graph.children, index)
        try:
            chosen = choose(found, index, end.platforms, end.manifest_limit)
        except NotFound:
            raise Fault("image might be filtered out") from None
        await in_thread(graph.label_children, index, chosen)
        images: list[Image] = []
        for one in chosen:
            await self._walk_imported(graph, one, end, tracker)
            images += store_images.images_from_annotations(end, one)
        if not chosen:
            raise Fault("image might be filtered out")
        return images

    async def _walk_imported(self, graph: Graph, blob: Blob, end: ImageStoreEnd, tracker: Tracker) -> None:
        found = await in_thread(graph.children, blob)
        try:
            present = choose(found, blob, end.platforms, end.manifest_limit)
        except NotFound:
            if end.manifest_limit:
                raise
            present = []  # an image for other platforms is one all the same: it has its name, and nothing is unpacked
        if media_types.is_index(blob.media_type) and not end.platforms:
            present = [child for child in present if graph.exists(child)]  # an export of one platform names the others
        await in_thread(graph.label_children, blob, present)
        if media_types.is_index(blob.media_type):
            for child in present:
                await self._walk_imported(graph, child, end, tracker)
        elif media_types.is_manifest(blob.media_type):
            await self.unpack_manifest(graph, present, end, tracker)

    async def unpack_manifest(self, graph: Graph, parts: list[Blob], end: ImageStoreEnd, tracker: Tracker) -> None:
        """Unpack a manifest whose blobs are all here already, where the destination asks for it."""
        config, layers = parts[0], parts[1:]
        known = await in_thread(image_platform, graph, config)
        unpacker = self._resources.unpacker_for(graph, end, known) if known is not None else None
        if unpacker is not None:
            await unpacker.unpack(config, layers, _here_already(graph), tracker)

    async def _export(self, namespace: str, source: ImageStoreEnd, end: ExportEnd, send: Send | None) -> None:
        tracker = Tracker(source.name, "exporting", send)
        await tracker.tell(Progress("Exporting"))
        options = ExportOptions(
            platforms=end.platforms,
            all_platforms=end.all_platforms,
            docker_manifest=not end.skip_compatibility_manifest,
            non_distributable=not end.skip_non_distributable,
        )
        images = await in_thread(self.look_up, namespace, source)
        chunks = ArchiveExporter(self._resources.graph(namespace), options).chunks(images)
        sender = ByteSender(end.stream)
        try:
            while (data := await in_thread(_some, chunks)) != b"":
                await sender.write(data)
        finally:
            await sender.close()
        await tracker.tell(Progress("Completed export"))

    async def _tag(self, namespace: str, source: ImageStoreEnd, end: ImageStoreEnd) -> None:
        image = await in_thread(self._stores.images.get, namespace, source.name)
        images = store_images.images_for_target(end, image.target)
        await in_thread(store_images.write_images, self._stores.images, namespace, images)

    def look_up(self, namespace: str, source: ImageStoreEnd) -> list[Image]:
        """All images that a source names."""
        names = [source.name] if source.name else []
        for extra in source.extra_references:
            if extra.is_prefix:
                raise Unimplemented("prefix lookup on export not implemented: not implemented")
            names.append(extra.name)
        return [self._stores.images.get(namespace, name) for name in names]


def _here_already(graph: Graph) -> Fetch:
    async def fetch(layer: Descriptor) -> None:
        graph.content.info(graph.namespace, layer.digest)

    return fetch


async def _gathered(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Small pieces made into bigger ones: fewer trips between loop and thread."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size >= _GATHERED:
            yield b"".join(parts)
            parts, size = [], 0
    yield b"".join(parts)


def _some(chunks: Iterator[bytes]) -> bytes:
    """A few chunks of an archive at once: fewer trips between thread and loop."""
    parts = []
    size = 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size >= _GATHERED:
            break
    return b"".join(parts)


async def _echo(source: ImportEnd, end: ExportEnd) -> None:
    sender = ByteSender(end.stream)
    try:
        async for data in receive_bytes(source.stream):
            await sender.write(data)
    finally:
        await sender.close()
