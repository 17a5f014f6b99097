"""`docker load`: an archive in, the images in it named and announced, in the lines that the CLI prints.

The supervisor unpacks and names what the archive names. Names that are not references in full are put right here, and
images without a name are kept under a dangling record. All platforms that an archive has of an image stay, or those
that were asked for; the host's is unpacked, or those.
"""

import secrets
from collections.abc import AsyncIterator, Iterable

from engine.images import platform as platforms
from engine.images import reference as references
from engine.images.catalog import Catalog, name_from_record
from engine.images.decompress import decompressed
from engine.images.keeping import Keeper
from engine.images.manifests import INDEX_TYPES
from engine.images.model import DANGLING_PREFIX, Name
from engine.images.mover import Mover, send_bytes
from engine.images.names import Leases, Names, Records, dangling_record
from engine.images.platform import Platform
from engine.images.progress import Line, PullProgress
from engine.images.removal import Announce
from proto.containerd.types.transfer import imagestore_pb2, importexport_pb2
from proto.errdefs import Fault, InvalidArgument, NotFound

_FILTERED = ("no match for platform", "image might be filtered out")
NO_MANIFEST = "invalid archive: does not contain a manifest.json"


class Loader:
    """Loads archives."""

    def __init__(
        self,
        mover: Mover,
        catalog: Catalog,
        names: Names,
        records: Records,
        keeper: Keeper,
        leases: Leases,
        snapshotter: str,
        announce: Announce,
    ) -> None:
        self._mover = mover
        self._keeper = keeper
        self._leases = leases
        self._catalog = catalog
        self._names = names
        self._records = records
        self._snapshotter = snapshotter
        self._announce = announce

    async def load(
        self, archive: AsyncIterator[bytes], *, quiet: bool = True, wanted: tuple[Platform, ...] = ()
    ) -> AsyncIterator[Line]:
        """Load every image of a docker-save archive or an OCI layout."""
        before = [name for image in await self._catalog.all() for name in image.names if name.reference is not None]
        saved: list[str] = []
        async with self._names.holding(before), self._leases.hold(f"wherry-load-{secrets.token_hex(8)}") as lease:
            async for line in self._transfer(archive, wanted, saved, lease, quiet=quiet):
                yield line
            self._catalog.forget()
            await self._keep(dict.fromkeys(saved), wanted)
            lines = await self._settle(dict.fromkeys(saved))
            await self._names.keep(before)
        if not lines:
            raise InvalidArgument(NO_MANIFEST)
        for text in lines:
            yield {"stream": f"{text}\n"}

    async def _keep(self, records: Iterable[str], wanted: tuple[Platform, ...]) -> None:
        """See that nothing of the new images goes with the lease; NotFound for one that is not for what was wanted."""
        incomplete = []
        for record in records:
            name = name_from_record(await self._records.get(record))
            kept = await self._keeper.keep(name.target, wanted)
            if wanted and not kept:
                incomplete.append(name.reference.familiar if name.reference is not None else record)
                await self._forget_empty(name)
        asked = " ".join(map(str, wanted))
        if len(incomplete) == 1:
            raise NotFound(f"image {incomplete[0]} was loaded, but doesn't provide the requested platform ([{asked}])")
        if incomplete:
            raise NotFound(
                f"images [{', '.join(incomplete)}] were loaded, but don't provide the requested platform ([{asked}])"
            )

    async def _forget_empty(self, name: Name) -> None:
        """A name that leads to nothing would be in no list, and in the way of the next image."""
        try:
            await self._catalog.manifest(name.target)
        except NotFound:
            await self._names.drop(name.record)

    async def _transfer(
        self, archive: AsyncIterator[bytes], wanted: tuple[Platform, ...], saved: list[str], lease: str, *, quiet: bool
    ) -> AsyncIterator[Line]:
        stream_id = f"load-{secrets.token_hex(8)}"
        progress = PullProgress()
        moving = self._mover.move(
            importexport_pb2.ImageImportStream(stream=stream_id),
            self._destination(wanted or (platforms.host(),)),
            {stream_id: send_bytes(decompressed(archive))},
            lease=lease,
        )
        try:
            async for event in moving:
                if event.event == "saved":
                    saved.append(event.name)
                for line in progress.feed(event):
                    if not quiet and line["status"] == "Extracting":
                        yield line | {"status": "Loading layer"}
        except Fault as fault:
            if "unrecognized image format" in str(fault):
                raise InvalidArgument(NO_MANIFEST) from fault
            if wanted and any(sign in str(fault) for sign in _FILTERED):
                raise NotFound(f"requested platform(s) ([{' '.join(map(str, wanted))}]) not found: {fault}") from fault
            raise

    def _destination(self, wanted: tuple[Platform, ...]) -> imagestore_pb2.ImageStore:
        return imagestore_pb2.ImageStore(
            platforms=[platform.to_proto() for platform in wanted],
            extra_references=[
                imagestore_pb2.ImageReference(
                    name=DANGLING_PREFIX.rstrip("@"),
                    is_prefix=True,
                    allow_overwrite=True,
                    add_digest=True,
                    skip_named_digest=True,
                )
            ],
            unpacks=[
                imagestore_pb2.UnpackConfiguration(platform=platform.to_proto(), snapshotter=self._snapshotter)
                for platform in wanted
            ],
        )

    async def _settle(self, records: Iterable[str]) -> list[str]:
        """Put the stored names right; answers the CLI's lines about them.

        An archive's index and each image in it are stored alike, so one image may have come under several records.
        """
        names = [await self._put_right(record) for record in records]
        ids = {name.record: (await self._catalog.manifest(name.target)).config_digest for name in names}
        lines = [f"Loaded image: {name.reference.familiar}" for name in names if name.reference is not None]
        told = {ids[name.record] for name in names if name.reference is not None}
        told |= {image.id for image in await self._catalog.all() if image.references}
        without = [name for name in names if name.reference is None]
        for name in sorted(without, key=lambda name: name.target.media_type in INDEX_TYPES):
            if ids[name.record] in told:
                await self._names.drop(name.record)
            told.add(ids[name.record])
        lines += [f"Loaded image ID: {one}" for one in _without_name(names, ids)]
        for image_id in dict.fromkeys(ids.values()):
            self._announce("load", image_id, {"name": image_id})
        return lines

    async def _put_right(self, record: str) -> Name:
        name = name_from_record(await self._records.get(record))
        if name.reference is not None or record.startswith(f"{DANGLING_PREFIX}sha256:"):
            return name
        return await self._rename(name)

    async def _rename(self, name: Name) -> Name:
        """A name that other tools write short (`busybox:1`, or only a tag) becomes a full one, or none at all."""
        try:
            reference = references.parse(name.record).with_default_tag()
        except InvalidArgument:
            reference = None
        if name.record.startswith(DANGLING_PREFIX.rstrip("@")):  # the archive gave a tag without a repository
            reference = None
        if reference is not None:
            await self._names.tag(name.target, reference)
        else:
            await self._names.keep_dangling(name.target)
        await self._names.drop(name.record)
        return Name(str(reference or dangling_record(name.target)), name.target, reference)


def _without_name(names: Iterable[Name], ids: dict[str, str]) -> list[str]:
    """The images that the archive gave no name."""
    named = {ids[name.record] for name in names if name.reference is not None}
    return [image_id for image_id in dict.fromkeys(ids.values()) if image_id not in named]
