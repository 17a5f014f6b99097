"""The images of one engine: every verb about them, built once over the supervisor's services.

Routes and container creation call this object; what each verb does stands in the file that it is named after.
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection
from typing import Any, Protocol

from engine.api.render import image as render
from engine.filters import Filters
from engine.images import reference as references
from engine.images.assemble import Assembler, Layers
from engine.images.assemble import Blobs as NewBlobs
from engine.images.assemble import Snapshots as NewSnapshots
from engine.images.attestations import Attestations
from engine.images.catalog import Catalog
from engine.images.catalog import Records as ReadableRecords
from engine.images.commit import Blobs as IngestedBlobs
from engine.images.commit import Committer
from engine.images.commit import Differences as Compared
from engine.images.commit import Snapshots as ComparedSnapshots
from engine.images.companions import Companions
from engine.images.hosts import PLAIN, Access
from engine.images.identity import Blobs as LabelledBlobs
from engine.images.identity import Origins
from engine.images.keeping import Keeper
from engine.images.listing import understand
from engine.images.load import Loader
from engine.images.manifests import Manifests
from engine.images.model import Image
from engine.images.mover import Mover, Transfers
from engine.images.names import Leases, Names
from engine.images.names import Records as WritableRecords
from engine.images.packing import Blobs as PackedBlobs
from engine.images.packing import Packer
from engine.images.platform import Platform
from engine.images.platform_removal import Deletions, PlatformRemover
from engine.images.progress import Line
from engine.images.prune import Pruner
from engine.images.pull import Puller, Writes
from engine.images.push import Pusher
from engine.images.reference import Reference
from engine.images.registry_auth import Credentials
from engine.images.registry_client import RegistryClient
from engine.images.removal import Announce, Removed, Remover, Users
from engine.images.save import Blobs, Saver
from engine.images.sizes import Sizes, Usage
from engine.images.unpack import Unpacker
from engine.images.variants import Variants
from proto.errdefs import InvalidArgument, Unimplemented


class Content(Blobs, Writes, NewBlobs, IngestedBlobs, LabelledBlobs, Deletions, PackedBlobs, Protocol):
    """The content service."""


class Snapshots(Usage, NewSnapshots, ComparedSnapshots, Protocol):
    """The snapshot service."""


class Differences(Layers, Compared, Protocol):
    """The diff service."""


class Records(ReadableRecords, WritableRecords, Protocol):
    """The image service."""


class Images:
    """What the engine can do with images."""

    def __init__(  # noqa: PLR0913 (a composition root: one argument per service)
        self,
        *,
        records: Records,
        content: Content,
        snapshots: Snapshots,
        leases: Leases,
        transfers: Transfers,
        users: Users,
        announce: Announce,
        snapshotter: str = "overlayfs",
        access: Access = PLAIN,
        differences: Differences | None = None,
    ) -> None:
        mover = Mover(transfers)
        self.snapshotter = snapshotter
        self.manifests = Manifests(content)
        self.catalog = Catalog(records, self.manifests)
        self.sizes = Sizes(snapshots)
        self.variants = Variants(self.manifests, content)
        self.attestations = Attestations(self.manifests, self.variants, content)
        self.origins = Origins(content)
        self._users = users
        self._announce = announce
        self._names = Names(records, leases, self.catalog)
        self._remover = Remover(self.catalog, self._names, self.sizes, users, announce)
        self._platform_remover = PlatformRemover(
            self.catalog, self.manifests, self.variants, self._names, self.sizes, content, announce
        )
        self._pruner = Pruner(self.catalog, self._remover, self.sizes, announce)
        keeper = Keeper(self.variants, content)
        self._loader = Loader(mover, self.catalog, self._names, records, keeper, leases, snapshotter, announce)
        companions = Companions(mover, self.variants, keeper, self._names, access)
        self._puller = Puller(
            mover, self._names, content, snapshotter, access, announce, RegistryClient(access), companions
        )
        packer = Packer(content, leases, self.catalog, self._names)
        self._pusher = Pusher(mover, self.catalog, self.variants, self.origins, access, self._names, packer, announce)
        self._saver = Saver(content, self.catalog, self.variants, announce)
        assembler = Assembler(content, snapshots, differences, snapshotter) if differences is not None else None
        self._unpacker = Unpacker(snapshots, leases, assembler) if assembler is not None else None
        self._committer = (
            Committer(content, snapshots, differences, leases, assembler, self.catalog, self._names, announce)
            if differences is not None and assembler is not None
            else None
        )

    async def resolve(self, text: str, platform: Platform | None = None) -> Image:
        """The image that a client means, unpacked if for one platform; NotFound with Docker's words."""
        image = await self.catalog.resolve(text, platform)
        if platform is not None and self._unpacker is not None:
            await self._unpacker.ensure(image)
        return image

    async def resolve_quickly(self, text: str) -> Image:
        """The same, with the one name that was given: all that a new container wants to know. Unpacked, too."""
        image = await self.catalog.resolve_quickly(text)
        if self._unpacker is not None:
            await self._unpacker.ensure(image)
        return image

    async def count(self) -> int:
        """How many images there are."""
        return len(await self.catalog.all())

    async def disk_usage(self, version: render.Version) -> tuple[list[render.Document], int]:
        """Every image, with what it shares and who uses it; and the room that they take together."""
        documents = await self.summaries(Filters(), version, shared_size=True, counted=True)
        return documents, await self.sizes.total(await self.catalog.all())

    async def summaries(
        self,
        filters: Filters,
        version: render.Version,
        *,
        shared_size: bool = False,
        manifests: bool = False,
        identity: bool = False,
        counted: bool = False,
    ) -> list[render.Document]:
        """`GET /images/json`, the newest first; `counted`: with the number of each one's containers."""
        selection = await understand(filters, self.resolve)
        images = await self.catalog.all()
        shared = await self.sizes.shared(images) if shared_size else {}
        users = Counter(user.image_id for user in self._users.image_users())
        documents = []
        for image in images:
            shown = selection.narrow(image)
            if shown is not None:
                documents.append(
                    render.summary(
                        shown,
                        version,
                        size=await self.sizes.image(image.manifest),
                        shared=shared.get(image.id, -1),
                        containers=users[image.id] if counted else -1,
                    )
                    | ({"Manifests": await self._manifests_of(image, identity=identity)} if manifests else {})
                )
        return sorted(documents, key=lambda document: int(document["Created"]), reverse=True)

    async def inspect(
        self, text: str, version: render.Version, platform: Platform | None = None, *, manifests: bool = False
    ) -> render.Document:
        """`GET /images/{name}/json`."""
        image = asked_first(await self.catalog.resolve(text, platform), text)
        document = render.inspect(
            image,
            version,
            size=await self.sizes.image(image.manifest),
            snapshotter=self.snapshotter,
            identity=await self._identity(image) if version >= (1, 53) else {},
            single=platform is not None,
        )
        return document | ({"Manifests": await self._manifests_of(image)} if manifests else {})

    async def _identity(self, image: Image) -> render.Document:
        return await self.origins.identity(image.names[0].target) if image.names else {}

    async def _manifests_of(self, image: Image, *, identity: bool = False) -> list[render.Document]:
        """Every manifest that the image's names lead to."""
        users = list(self._users.image_users())
        known = await self._identity(image) if identity else {}
        documents = []
        for one in await self.variants.of_image(image):
            config = one.manifest.config_digest if one.manifest is not None else ""
            documents.append(
                render.manifest(
                    one,
                    unpacked=await self.sizes.unpacked(one.manifest) if one.manifest and one.is_image else 0,
                    containers=[user.container_id for user in users if config and user.image_id == config],
                    identity=known,
                )
            )
        return documents

    async def history(self, text: str, platform: Platform | None = None) -> list[render.Document]:
        """`GET /images/{name}/history`."""
        image = await self.catalog.resolve(text, platform)
        return render.history(image, await self.sizes.layers(image.manifest))

    async def tag(self, text: str, reference: Reference) -> None:
        """Give an image one more name."""
        if reference.familiar_name == "sha256":
            raise InvalidArgument("refusing to create an ambiguous tag using digest algorithm as name")
        if reference.digest:
            raise InvalidArgument("cannot create a tag from a digest reference")
        image = await self.resolve(text)
        target = next((name.target for name in image.names if name.reference is not None), image.names[0].target)
        await self._names.tag(target, reference.with_default_tag(), image.parent)
        self._announce("tag", image.id, {"name": reference.with_default_tag().familiar})

    async def remove(self, text: str, *, force: bool = False, parents: bool = True) -> list[dict[str, str]]:
        """`DELETE /images/{name}`."""
        removed = await self._remover.remove(text, force=force, parents=parents)
        self._forget(removed)
        return removed.document()

    async def remove_platforms(
        self, text: str, platforms: Collection[Platform], *, force: bool = False
    ) -> list[dict[str, str]]:
        """`DELETE /images/{name}?platforms=…`."""
        removed, chains = await self._platform_remover.remove(text, platforms, force=force)
        if self._unpacker is not None:
            for chain_id in chains:
                self._unpacker.forget(chain_id)
        return removed.document()

    async def statements(
        self, text: str, platform: Platform | None, types: Collection[str], *, bodies: bool
    ) -> list[dict[str, Any]]:
        """`GET /images/{name}/attestations`."""
        image = await self.catalog.resolve(text)
        return await self.attestations.of(image, platform, types, statements=bodies)

    async def sweep(self) -> None:
        """What an engine before this one left behind."""
        await self._names.sweep()

    async def prune(self, filters: Filters, *, dry_run: bool = False) -> dict[str, Any]:
        """`POST /images/prune`; a dry run only says what would go."""
        if dry_run:
            removed, freed = await self._pruner.preview(filters)
        else:
            removed, freed = await self._pruner.prune(filters)
            for one in removed:
                self._forget(one)
        deleted = [entry for one in removed for entry in one.document()]
        return {"ImagesDeleted": deleted or None, "SpaceReclaimed": freed}

    def load(
        self, archive: AsyncIterator[bytes], *, quiet: bool = True, platforms: tuple[Platform, ...] = ()
    ) -> AsyncIterator[Line]:
        """`POST /images/load`."""
        return self._loader.load(archive, quiet=quiet, wanted=platforms)

    def save(self, texts: Collection[str], platforms: Collection[Platform] = ()) -> AsyncIterator[bytes]:
        """`GET /images/get`."""
        return self._saver.save(texts, platforms)

    def pull(
        self, text: str, tag: str, credentials: Credentials, platform: Platform | None = None
    ) -> AsyncIterator[Line]:
        """`POST /images/create?fromImage=…`."""
        repository = references.parse(text.removesuffix(":"))
        if not tag and repository.is_name_only:
            return self._puller.pull_all(repository, credentials, platform)
        return self._puller.pull(with_tag(repository, tag), credentials, platform)

    def _forget(self, removed: Removed) -> None:
        if self._unpacker is not None:
            for digest in removed.deleted:
                self._unpacker.forget(digest)

    @property
    def committer(self) -> Committer:
        """Makes images of file systems; Unimplemented where the engine was built without the diff service."""
        if self._committer is None:
            raise Unimplemented("making images of file systems is not supported")
        return self._committer

    def push(
        self, text: str, tag: str, credentials: Credentials, platform: Platform | None = None
    ) -> AsyncIterator[Line]:
        """`POST /images/{name}/push`."""
        return self._pusher.push(references.parse(text), tag, credentials, platform)


def asked_first(image: Image, text: str) -> Image:
    """With the name that was asked for before the others: they may lead to it by other manifests or indexes."""
    try:
        wanted = references.parse(text).with_default_tag()
    except InvalidArgument:  # a whole id is no name
        return image
    return Image(image.manifest, tuple(sorted(image.names, key=lambda name: name.reference != wanted)))


def with_tag(reference: Reference, tag: str) -> Reference:
    """A repository and the tag, or digest, that was sent beside it."""
    if not tag:
        return reference
    return reference.with_digest(tag) if references.is_digest(tag) else reference.with_tag(tag)
