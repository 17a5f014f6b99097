"""Pull: resolve a reference, fetch what is not here, unpack, and name the image last.

A manifest is verified and stored before its children are looked at; what the destination's platforms do not ask for
is not fetched. Layers whose snapshots exist are not fetched either. Several transfers of one blob wait for each
other, and one of them fetches.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

from proto.errdefs import AlreadyExists, Fault, InvalidArgument, NotFound, Unavailable
from proto.failpoints import reached
from supervisor.content.threads import in_thread
from supervisor.core.content import ContentWriter
from supervisor.core.digests import Descriptor
from supervisor.core.labels import DISTRIBUTION_SOURCE
from supervisor.registry import media_types, reference, referrers
from supervisor.registry.client import RegistryClient
from supervisor.registry.hosts import hosts_for
from supervisor.registry.manifests import Blob
from supervisor.transfer import store_images
from supervisor.transfer.endpoints import ImageStoreEnd, RegistryEnd
from supervisor.transfer.graph import Graph, choose, image_platform
from supervisor.transfer.import_archive import discard
from supervisor.transfer.progress import Progress, Send, Tracker
from supervisor.transfer.resources import Resources
from supervisor.transfer.together import all_of

_INLINE = 1 << 16
_DEEPEST_REFERRER = 4  # a signature of a bill of materials of …: somebody else decides how long that goes on
_LONGEST_LABEL = 4096


async def pull(
    resources: Resources, namespace: str, source: RegistryEnd, end: ImageStoreEnd, send: Send | None
) -> None:
    """Pull one image."""
    name = reference.parse(source.reference)
    hosts = hosts_for(name.host, source.host_dir or resources.hosts_dir, source.default_scheme)
    tracker = Tracker(str(name), "downloading", send)
    await tracker.tell(Progress(f"Resolving from {source}"))
    async with RegistryClient(name, hosts, source.credentials, source.headers) as client:
        try:
            target = await client.resolve()
        except Fault as fault:
            raise type(fault)(f"failed to resolve image: {fault}") from fault
        await tracker.tell(Progress(f"Pulling from {source}"))
        await tracker.tell(Progress("fetching image content", str(name), descriptor=target))
        reached("supervisor.pull.resolved")
        await _Pull(resources, resources.graph(namespace), client, end, tracker).run(target)
        reached("supervisor.pull.unpacked")
    images = store_images.images_for_target(end, target)
    if not images:
        raise NotFound("no image name found: not found")
    for image in await in_thread(store_images.write_images, resources.stores.images, namespace, images):
        await tracker.tell(Progress("saved", image.name, descriptor=image.target))
    await tracker.tell(Progress(f"Completed pull from {source}"))


class _Pull:
    """One pull under way."""

    def __init__(
        self, resources: Resources, graph: Graph, client: RegistryClient, end: ImageStoreEnd, tracker: Tracker
    ) -> None:
        self._resources = resources
        self._graph = graph
        self._client = client
        self._end = end
        self._tracker = tracker

    async def run(self, blob: Blob) -> None:
        """Fetch a manifest or an index, and all below it."""
        await self.fetch(blob)
        found = await in_thread(self._graph.children, blob)
        chosen = choose(found, blob, self._end.platforms, self._end.manifest_limit)
        about = await self._referrers(blob) if self._end.all_metadata else []
        await in_thread(self._graph.label_children, blob, [*chosen, *about])
        self._tracker.children(blob, list(chosen))
        if media_types.is_index(blob.media_type):
            for child in chosen:
                await self.run(child)
            if self._end.all_metadata:
                await self._metadata_of([child for child in found if child not in chosen])
        elif media_types.is_manifest(blob.media_type):
            await self._manifest(chosen)

    async def _manifest(self, parts: Sequence[Blob]) -> None:
        config, layers = parts[0], parts[1:]
        await self.fetch(config)
        platform = await in_thread(image_platform, self._graph, config)
        unpacker = self._resources.unpacker_for(self._graph, self._end, platform) if platform is not None else None
        for layer in layers:
            await self._tracker.waiting(layer)
        if unpacker is not None:
            await unpacker.unpack(config, layers, self.fetch, self._tracker)
            for layer in layers:  # also those that were unpacked before, and so not asked for
                if await in_thread(self._graph.exists, layer):
                    await in_thread(self._label_source, layer)
                else:  # unpacked from other bytes (compressed otherwise): who exports or pushes the image needs its own
                    await self.fetch(layer)
        else:
            await all_of(self.fetch(layer) for layer in layers)

    async def _referrers(self, subject: Blob, depth: int = 0) -> list[Blob]:
        """What is said about a manifest elsewhere (signatures and the like), fetched with all that belongs to it."""
        found = []
        for one in await referrers.find(self._client, subject.digest) if depth < _DEEPEST_REFERRER else []:
            about = replace(one, annotations={**one.annotations, media_types.ANNOTATION_SUBJECT: subject.digest})
            await self.fetch(about)
            parts = await in_thread(self._graph.children, about)
            further = await self._referrers(about, depth + 1)
            await in_thread(self._graph.label_children, about, [*parts, *further])
            await all_of(self.fetch(part) for part in parts if not media_types.is_manifest(part.media_type))
            found.append(about)
        return found

    async def _metadata_of(self, others: Sequence[Blob]) -> None:
        """Manifests and configurations of platforms whose layers nobody asked for."""
        for blob in others:
            await self.fetch(blob)
            found = await in_thread(self._graph.children, blob)
            small = [child for child in found if not media_types.is_layer(child.media_type)]
            await in_thread(self._graph.label_children, blob, small)
            for child in small:
                await self.fetch(child)

    async def fetch(self, blob: Descriptor) -> None:
        """Bring one blob into the store, unless it is there."""
        if blob.media_type in media_types.SCHEMA1:
            raise InvalidArgument(f"{blob.media_type} not supported: invalid argument")
        await self._tracker.waiting(blob)
        async with self._resources.downloads:
            writer = await self._open(blob)
            if writer is None:
                await self._tracker.exists(blob)
            else:
                reached("supervisor.pull.opened")
                await self._write(writer, blob)
                reached("supervisor.pull.fetched")
                await self._tracker.complete(blob)
        await in_thread(self._label_source, blob)

    async def _open(self, blob: Descriptor) -> ContentWriter | None:
        """A writer for the blob; None when it is there. Waits while somebody else is writing it."""
        ref = media_types.ref_key(blob)
        pause = 0.01
        while True:
            try:
                return await in_thread(self._graph.content.writer, self._graph.namespace, ref, blob.size, blob.digest)
            except AlreadyExists:
                return None
            except Unavailable:
                await asyncio.sleep(random.uniform(0, pause))  # noqa: S311  # spreading attempts
                pause = min(pause * 2, 1.0)

    async def _write(self, writer: ContentWriter, blob: Descriptor) -> None:
        try:
            offset = writer.status().offset
            if offset > blob.size or (offset == blob.size and writer.digest() != blob.digest):
                await in_thread(writer.truncate, 0)
                offset = 0
            if offset < blob.size:
                async for chunk in self._client.fetch(blob, offset):
                    await in_thread(writer.write, chunk) if len(chunk) > _INLINE else writer.write(chunk)
                    offset += len(chunk)
                    await self._tracker.moved(blob, offset)
            if offset < blob.size:
                raise Fault(f"failed to copy: short read: expected {blob.size} bytes but got {offset}: unexpected EOF")
            await in_thread(self._commit, writer, blob)
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                await in_thread(writer.close)  # to be taken up again
            else:
                await in_thread(discard, self._graph, media_types.ref_key(blob), writer)  # least of all wrong bytes
            raise

    def _commit(self, writer: ContentWriter, blob: Descriptor) -> None:
        try:
            writer.commit(blob.size, blob.digest)
        except AlreadyExists:
            pass  # another transfer was faster
        except Fault as fault:
            raise type(fault)(f'failed commit on ref "{media_types.ref_key(blob)}": {fault}') from fault

    def _label_source(self, blob: Descriptor) -> None:
        """Remember which repository of which registry the blob came from: a later push may mount it from there."""
        host = self._client.reference.host.partition(":")[0]
        key = f"{DISTRIBUTION_SOURCE}.{host}"
        try:
            known = self._graph.content.info(self._graph.namespace, blob.digest).labels.get(key, "")
        except NotFound:
            return  # its snapshot is here, its bytes are not
        repositories = sorted({*filter(None, known.split(",")), self._client.reference.path})
        value = ",".join(repositories)
        if value != known and len(key) + len(value) <= _LONGEST_LABEL:
            self._graph.update_labels(blob.digest, {key: value})
