"""A supervisor's images, content, snapshots, leases and transfers in memory, for the engine's image verbs."""

import contextlib
import gzip
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from google.protobuf import any_pb2, message, timestamp_pb2

from engine.images.catalog import Catalog
from engine.images.manifests import Manifests
from engine.images.model import Descriptor, Image, Name
from engine.images.names import Names
from engine.images.reference import parse_canonical
from engine.images.removal import ImageUser
from engine.images.service import Images
from proto.containerd.services.content.v1 import content_pb2
from proto.containerd.services.images.v1 import images_pb2
from proto.containerd.types import descriptor_pb2, mount_pb2
from proto.errdefs import AlreadyExists, Fault, NotFound

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class FakeRecords:
    """The image service."""

    def __init__(self) -> None:
        self.images: dict[str, images_pb2.Image] = {}
        self.synced: list[str] = []

    async def get(self, name: str) -> images_pb2.Image:
        if name not in self.images:
            raise NotFound(f'image "{name}": not found')
        return self.images[name]

    async def list(self, *filters: str) -> list[images_pb2.Image]:
        return list(self.images.values())

    async def create(self, image: images_pb2.Image, *, lease: str = "") -> images_pb2.Image:
        if image.name in self.images:
            raise AlreadyExists(f'image "{image.name}": already exists')
        self.images[image.name] = image
        return image

    async def update(self, image: images_pb2.Image, paths: Iterable[str] = ()) -> images_pb2.Image:
        self.images[image.name] = image
        return image

    async def delete(self, name: str, *, sync: bool = False) -> None:
        if name not in self.images:
            raise NotFound(f'image "{name}": not found')
        del self.images[name]
        if sync:
            self.synced.append(name)


class FakeContent:
    """The content service."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.reads: list[str] = []
        self.aborted: list[str] = []
        self.labels: dict[str, dict[str, str]] = {}

    def add(self, data: bytes) -> str:
        digest = digest_of(data)
        self.blobs[digest] = data
        return digest

    async def read(self, digest: str) -> bytes:
        self.reads.append(digest)
        if digest not in self.blobs:
            raise NotFound(f"content {digest}: not found")
        return self.blobs[digest]

    async def write(self, ref: str, data: bytes, digest: str, labels: dict[str, str], *, lease: str = "") -> None:
        assert self.add(data) == digest
        self.labels[digest] = labels

    async def ingest(self, ref: str, chunks: AsyncIterator[bytes], *, lease: str = "") -> tuple[str, int]:
        data = b"".join([chunk async for chunk in chunks])
        return self.add(data), len(data)

    async def update(self, info: content_pb2.Info, paths: Iterable[str]) -> content_pb2.Info:
        self.labels.setdefault(info.digest, {}).update(info.labels)
        return info

    async def delete(self, digest: str) -> None:
        if self.blobs.pop(digest, None) is None:
            raise NotFound(f"content {digest}: not found")

    async def abort(self, ref: str) -> None:
        self.aborted.append(ref)

    async def info(self, digest: str) -> content_pb2.Info:
        data = await self.read(digest)
        return content_pb2.Info(digest=digest, size=len(data), labels=self.labels.get(digest, {}))

    async def list(self, *filters: str) -> list[content_pb2.Info]:
        """Blobs by one label, whose name and value a filter `labels."name"==value` gives."""
        wanted = [text.removeprefix('labels."').partition('"==')[::2] for text in filters]
        found = [digest for digest in self.blobs if any((self.labels.get(digest) or {}).get(k) == v for k, v in wanted)]
        return [await self.info(digest) for digest in found]

    async def chunks(self, digest: str, offset: int = 0, size: int = 0) -> AsyncIterator[bytes]:
        data = (await self.read(digest))[offset : offset + size if size else None]
        for start in range(0, len(data), 7):
            yield data[start : start + 7]


class FakeSnapshots:
    """The snapshot service, as far as sizes go."""

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self.active: dict[str, str] = {}
        self.asked = 0

    async def usage(self, key: str) -> tuple[int, int]:
        self.asked += 1
        if key not in self.sizes:
            raise NotFound(f"snapshot {key}: not found")
        return self.sizes[key], 1

    async def prepare(self, key: str, parent: str, *, lease: str = "") -> list[mount_pb2.Mount]:
        if parent and parent not in self.sizes:
            raise NotFound(f"snapshot {parent}: not found")
        self.active[key] = parent
        return [mount_pb2.Mount(type="bind", source=key)]

    async def view(self, key: str, parent: str, *, lease: str = "") -> list[mount_pb2.Mount]:
        return await self.prepare(key, parent)

    async def mounts(self, key: str) -> list[mount_pb2.Mount]:
        return [mount_pb2.Mount(type="bind", source=key)]

    async def commit(self, name: str, key: str, *, lease: str = "") -> None:
        del self.active[key]
        if name in self.sizes:
            raise AlreadyExists(f"snapshot {name}: already exists")
        self.sizes[name] = 1

    async def remove(self, key: str) -> None:
        if self.active.pop(key, None) is None:
            raise NotFound(f"snapshot {key}: not found")


class FakeDifferences:
    """The diff service: what it applies is told to be what the test says, what it finds is a layer `changed`."""

    def __init__(self, content: FakeContent) -> None:
        self._content = content
        self.applied = ""

    async def apply(
        self, layer: descriptor_pb2.Descriptor, mounts: Iterable[mount_pb2.Mount], *, lease: str = ""
    ) -> descriptor_pb2.Descriptor:
        uncompressed = self._content.labels.get(layer.digest, {}).get("containerd.io/uncompressed")
        return descriptor_pb2.Descriptor(digest=self.applied or uncompressed or layer.digest)

    async def diff(
        self,
        left: Iterable[mount_pb2.Mount],
        right: Iterable[mount_pb2.Mount],
        *,
        media_type: str,
        ref: str,
        lease: str = "",
    ) -> descriptor_pb2.Descriptor:
        data = gzip.compress(b"changed", mtime=0) if media_type.endswith("+gzip") else b"changed"
        digest = self._content.add(data)
        self._content.labels[digest] = {"containerd.io/uncompressed": digest_of(b"changed")}
        return descriptor_pb2.Descriptor(media_type=media_type, digest=digest, size=len(data))


class FakeLeases:
    """The lease service."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self.open = 0

    @contextlib.asynccontextmanager
    async def hold(self, lease_id: str) -> AsyncIterator[str]:
        self.open += 1
        try:
            yield lease_id
        finally:
            self.open -= 1

    async def add(self, lease_id: str, resource_id: str, kind: str) -> None:
        self.held.append(resource_id)


class FakeStream:
    """One stream: what we send is kept, what the supervisor says is scripted."""

    def __init__(self) -> None:
        import asyncio

        self.sent: list[any_pb2.Any] = []
        self.incoming: asyncio.Queue[any_pb2.Any | None] = asyncio.Queue()
        self.finished = asyncio.Event()
        self.cancelled = False

    async def send(self, value: any_pb2.Any) -> None:
        self.sent.append(value)

    async def done_sending(self) -> None:
        self.finished.set()

    async def __aiter__(self) -> AsyncIterator[any_pb2.Any]:
        while (value := await self.incoming.get()) is not None:
            yield value

    def cancel(self) -> None:
        self.cancelled = True
        self.finished.set()
        self.incoming.put_nowait(None)


Script = Callable[["FakeTransfers", message.Message, message.Message, FakeStream], Awaitable[None]]


class FakeTransfers:
    """The transfer service; a script plays the supervisor's part."""

    def __init__(self) -> None:
        self.streams: dict[str, FakeStream] = {}
        self.calls: list[tuple[message.Message, message.Message]] = []
        self.script: Script | None = None
        self.fault: Fault | None = None

    async def open(self, stream_id: str) -> FakeStream:
        self.streams[stream_id] = FakeStream()
        return self.streams[stream_id]

    async def transfer(
        self, source: message.Message, destination: message.Message, *, progress_stream: str = "", lease: str = ""
    ) -> None:
        self.calls.append((source, destination))
        if self.script is not None:
            await self.script(self, source, destination, self.streams[progress_stream])
        self.streams[progress_stream].incoming.put_nowait(None)
        if self.fault is not None:
            raise self.fault


class FakeUsers:
    """The containers."""

    def __init__(self) -> None:
        self.users: list[ImageUser] = []

    def image_users(self) -> list[ImageUser]:
        return self.users


class World:
    """Everything together, with a maker of images."""

    def __init__(self) -> None:
        self.records = FakeRecords()
        self.content = FakeContent()
        self.snapshots = FakeSnapshots()
        self.leases = FakeLeases()
        self.transfers = FakeTransfers()
        self.users = FakeUsers()
        self.differences = FakeDifferences(self.content)
        self.events: list[tuple[str, str]] = []
        self.manifests = Manifests(self.content)
        self.catalog = Catalog(self.records, self.manifests)
        self.names = Names(self.records, self.leases, self.catalog)
        self.images = Images(
            records=self.records,
            content=self.content,
            snapshots=self.snapshots,
            leases=self.leases,
            transfers=self.transfers,
            users=self.users,
            differences=self.differences,
            announce=lambda action, actor, attributes: self.events.append((action, actor)),
        )

    def add_blobs(
        self, *layers: bytes, config: dict[str, Any] | None = None, platform: tuple[str, str] = ("linux", "amd64")
    ) -> Descriptor:
        """The content of an image, without a name."""
        diff_ids = [digest_of(layer) for layer in layers]
        packed = [gzip.compress(layer, mtime=0) for layer in layers]
        document = {
            "os": platform[0],
            "architecture": platform[1],
            "created": "2024-01-02T03:04:05Z",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [{"created_by": "COPY", "created": "2024-01-02T03:04:05Z"} for _ in layers],
            **(config or {}),
        }
        raw = json.dumps(document).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": "config", "digest": self.content.add(raw), "size": len(raw)},
            "layers": [
                {"mediaType": LAYER_TYPE, "digest": self.content.add(data), "size": len(data)} for data in packed
            ],
        }
        data = json.dumps(manifest).encode()
        return Descriptor(MANIFEST_TYPE, self.content.add(data), len(data))

    def add_index(self, *entries: tuple[Descriptor, tuple[str, str] | None]) -> Descriptor:
        manifests = []
        for target, platform in entries:
            entry: dict[str, Any] = {"mediaType": target.media_type, "digest": target.digest, "size": target.size}
            if platform:
                entry["platform"] = {"os": platform[0], "architecture": platform[1]}
            manifests.append(entry)
        data = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests}).encode()
        return Descriptor(INDEX_TYPE, self.content.add(data), len(data))

    def name(self, record: str, target: Descriptor) -> None:
        self.records.images[record] = images_pb2.Image(
            name=record,
            target=descriptor_pb2.Descriptor(media_type=target.media_type, digest=target.digest, size=target.size),
            updated_at=timestamp_pb2.Timestamp(seconds=1_700_000_000),
        )

    async def add(self, *names: str, layers: tuple[bytes, ...] = (b"base",), **config: Any) -> Image:
        """An image with full names."""
        target = self.add_blobs(*layers, config=config)
        for name in names:
            self.name(name, target)
        manifest = await self.manifests.read(target)
        for chain_id, layer in zip(manifest.chain_ids, layers, strict=True):
            self.snapshots.sizes[chain_id] = len(layer) * 100
        references = tuple(
            Name(name, target, None if name.startswith("moby-dangling") else parse_canonical(name)) for name in names
        )
        return Image(manifest, references)
