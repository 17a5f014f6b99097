"""Push: blobs first, then the manifest that refers to them, then an index; the tag appears when everything is there."""

import asyncio

from proto.errdefs import NotFound
from supervisor.content.threads import in_thread
from supervisor.core.digests import Descriptor
from supervisor.core.labels import DISTRIBUTION_SOURCE
from supervisor.registry import media_types, reference, referrers
from supervisor.registry.client import RegistryClient
from supervisor.registry.hosts import hosts_for
from supervisor.registry.manifests import Blob
from supervisor.registry.upload import Uploader
from supervisor.transfer.endpoints import ImageStoreEnd, RegistryEnd
from supervisor.transfer.graph import Graph, choose
from supervisor.transfer.progress import Progress, Send, Tracker
from supervisor.transfer.resources import Resources
from supervisor.transfer.together import all_of


async def push(
    resources: Resources, namespace: str, source: ImageStoreEnd, end: RegistryEnd, send: Send | None
) -> None:
    """Push one image under the reference of the destination."""
    image = await in_thread(resources.stores.images.get, namespace, source.name)
    name = reference.parse(end.reference)
    hosts = hosts_for(name.host, end.host_dir or resources.hosts_dir, end.default_scheme)
    tracker = Tracker(image.name, "uploading", send)
    await tracker.tell(Progress(f"Pushing to {end}"))
    await tracker.tell(Progress("pushing content", image.name, descriptor=image.target))
    target = Blob(image.target.media_type, image.target.digest, image.target.size, dict(image.target.annotations))
    async with RegistryClient(name, hosts, end.credentials, end.headers) as client:
        one = _Push(resources.graph(namespace), client, source, tracker, resources.uploads)
        await one.run(target, name.tag or name.digest)
    await tracker.tell(Progress("pushed content", image.name, descriptor=image.target))
    await tracker.tell(Progress(f"Completed push to {end}", descriptor=image.target))


class _Push:
    """One push under way."""

    def __init__(
        self,
        graph: Graph,
        client: RegistryClient,
        source: ImageStoreEnd,
        tracker: Tracker,
        slots: asyncio.Semaphore,
    ) -> None:
        self._graph = graph
        self._client = client
        self._source = source
        self._tracker = tracker
        self._uploader = Uploader(client)
        self._slots = slots
        self._sent: set[str] = set()

    async def run(self, blob: Blob, tag: str = "") -> None:
        """Push what a manifest or index refers to, then itself."""
        found = await in_thread(self._graph.children, blob)
        chosen = choose(found, blob, self._source.platforms)
        self._tracker.children(blob, list(chosen))
        if media_types.is_index(blob.media_type):
            for child in chosen:
                await self.run(child)
        else:
            wanted = [child for child in chosen if not media_types.is_non_distributable(child.media_type)]
            await all_of(self._blob(child) for child in wanted)
        await self._manifest(blob, tag)
        await self._referrers(blob)

    async def _manifest(self, blob: Blob, tag: str) -> None:
        await self._tracker.waiting(blob)
        if await self._uploader.exists(blob, tag if not tag.startswith("sha") else ""):
            await self._tracker.exists(blob)
            return
        data = await in_thread(self._graph.read, blob)
        noted = await self._uploader.manifest(blob, data, tag)
        if not noted and referrers.subject_of(data):
            await referrers.announce(self._uploader, blob, data)
        await self._tracker.complete(blob)

    async def _referrers(self, subject: Blob) -> None:
        """Push what is here about a manifest that has just been pushed."""
        for blob in await in_thread(self._graph.referrers, subject):
            if blob.digest not in self._sent:
                self._sent.add(blob.digest)
                await self.run(blob)

    async def _blob(self, blob: Blob) -> None:
        if blob.digest in self._sent:
            return
        self._sent.add(blob.digest)
        await self._tracker.waiting(blob)
        async with self._slots:
            if await self._uploader.exists(blob):
                await self._tracker.exists(blob)
                return
            loop = asyncio.get_running_loop()
            telling: set[asyncio.Task[None]] = set()

            def moved(offset: int) -> None:
                task = loop.create_task(self._tracker.moved(blob, offset))
                telling.add(task)
                task.add_done_callback(telling.discard)

            reader = await in_thread(self._graph.content.reader, self._graph.namespace, blob.digest)
            try:
                await self._uploader.blob(blob, reader, await in_thread(self._mount_candidate, blob), moved)
            finally:
                reader.close()
            await asyncio.gather(*telling)
            await self._tracker.complete(blob)

    def _mount_candidate(self, blob: Descriptor) -> str:
        """The sister repository, on the same registry, whose path has most in common with ours; it once had this
        blob."""
        try:
            labels = self._graph.content.info(self._graph.namespace, blob.digest).labels
        except NotFound:
            return ""
        host = self._client.reference.host.partition(":")[0]
        ours = self._client.reference.path.split("/")
        best, most = "", -1
        for repository in filter(None, labels.get(f"{DISTRIBUTION_SOURCE}.{host}", "").split(",")):
            common = 0
            for one, other in zip(ours, repository.split("/"), strict=False):
                if one != other:
                    break
                common += 1
            if repository != self._client.reference.path and common >= most:
                best, most = repository, common
        return best
