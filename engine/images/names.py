"""Writes the records that name images, so that no image is lost to the collector when its last name moves elsewhere.

An image whose name is taken by another one goes on as a *dangling* image under `moby-dangling@<target digest>`, until
somebody removes or prunes it.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from engine.images.catalog import Catalog, name_from_record
from engine.images.model import DANGLING_PREFIX, PARENT_LABEL, PASSING_PREFIX, Descriptor, Name
from engine.images.reference import Reference
from proto.containerd.services.images.v1 import images_pb2
from proto.containerd.types import descriptor_pb2
from proto.errdefs import AlreadyExists, DataLoss, NotFound


class Records(Protocol):
    """The part of the image service that naming takes."""

    async def get(self, name: str) -> images_pb2.Image: ...

    async def list(self, *filters: str) -> list[images_pb2.Image]: ...

    async def create(self, image: images_pb2.Image, *, lease: str = "") -> images_pb2.Image: ...

    async def update(self, image: images_pb2.Image, paths: Iterable[str] = ()) -> images_pb2.Image: ...

    async def delete(self, name: str, *, sync: bool = False) -> None: ...


class Leases(Protocol):
    """The part of the lease service that holding on takes."""

    def hold(self, lease_id: str) -> contextlib.AbstractAsyncContextManager[str]: ...

    async def add(self, lease_id: str, resource_id: str, kind: str) -> None: ...


class Names:
    """Names images, and un-names them."""

    def __init__(self, records: Records, leases: Leases, catalog: Catalog) -> None:
        self._records = records
        self._leases = leases
        self._catalog = catalog

    async def current(self, reference: Reference) -> Name | None:
        """What a reference points at now."""
        try:
            return name_from_record(await self._records.get(str(reference)))
        except NotFound:
            return None

    def content_came(self) -> None:
        """Names may lead to more than before."""
        self._catalog.forget()

    async def tag(self, target: Descriptor, reference: Reference, parent: str = "") -> None:
        """Let a reference point at a target; the image that had it stays, if need be without a name."""
        previous = await self.current(reference)
        if previous is not None and previous.target.digest == target.digest:
            return
        async with self.holding([previous] if previous else []):
            await self._put(str(reference), target, parent)
            if previous is not None:
                await self.keep([previous])
        await self.drop(dangling_record(target))

    @contextlib.asynccontextmanager
    async def holding(self, names: Iterable[Name]) -> AsyncIterator[None]:
        """Keep what the names point at from the collector while names move."""
        targets = {name.target.digest for name in names}
        if not targets:
            yield
            return
        async with self._leases.hold(f"wherry-names-{secrets.token_hex(8)}") as lease:
            for digest in targets:
                with contextlib.suppress(NotFound):
                    await self._leases.add(lease, digest, "content")
            yield

    async def keep(self, previous: Iterable[Name]) -> None:
        """Give each image that lost its last name a dangling record."""
        images = await self._catalog.all()
        named_ids = {image.id for image in images}
        for name in previous:
            try:
                manifest = await self._catalog.manifest(name.target)
            except (NotFound, DataLoss):
                continue
            if manifest.config_digest not in named_ids:
                await self._put(dangling_record(name.target), name.target, name.parent)

    async def keep_dangling(self, target: Descriptor, parent: str = "") -> None:
        """Make sure that an image outlives its references."""
        await self._put(dangling_record(target), target, parent)

    @contextlib.asynccontextmanager
    async def passing(self, target: Descriptor) -> AsyncIterator[str]:
        """A record for a transfer that wants one for something that has no name of its own."""
        record = f"{PASSING_PREFIX}{secrets.token_hex(8)}"
        await self._put(record, target, "")
        try:
            yield record
        finally:
            await self.drop(record)

    async def sweep(self) -> None:
        """End the records of transfers that an engine before this one did not live to end."""
        for image in await self._records.list():
            if image.name.startswith(PASSING_PREFIX):
                await self.drop(image.name)

    async def drop(self, record: str, *, sync: bool = False) -> None:
        """Remove a record; one that is gone already is no error."""
        with contextlib.suppress(NotFound):
            await self._records.delete(record, sync=sync)

    async def _put(self, record: str, target: Descriptor, parent: str) -> None:
        image = images_pb2.Image(
            name=record,
            target=descriptor_pb2.Descriptor(media_type=target.media_type, digest=target.digest, size=target.size),
            labels={PARENT_LABEL: parent} if parent else {},
        )
        try:
            await self._records.create(image)
        except AlreadyExists:
            await self._records.update(image, ["target", f"labels.{PARENT_LABEL}"] if parent else ["target"])


def dangling_record(target: Descriptor) -> str:
    return DANGLING_PREFIX + target.digest
