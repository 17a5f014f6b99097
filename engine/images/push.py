"""`docker push`: one tag, or every tag of a repository, from the supervisor's store to a registry.

An index goes whole where all that it names is here. Otherwise, or where one platform was asked for, that platform's
manifest goes under the tag alone, as with dockerd.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence

from engine.images import platform as platforms
from engine.images.catalog import Catalog
from engine.images.hosts import Access
from engine.images.identity import Origins
from engine.images.manifests import INDEX_TYPES
from engine.images.model import Descriptor, Name
from engine.images.mover import Mover
from engine.images.names import Names
from engine.images.packing import Packer
from engine.images.platform import Platform
from engine.images.progress import Line, PushProgress
from engine.images.pull import registry
from engine.images.reference import Reference
from engine.images.registry_auth import Credentials
from engine.images.removal import Announce
from engine.images.variants import Variant, Variants, lacking
from proto.containerd.types.transfer import imagestore_pb2
from proto.errdefs import Conflict, Fault, NotFound, PermissionDenied, Unauthenticated


class Pusher:
    """Pushes images."""

    def __init__(
        self,
        mover: Mover,
        catalog: Catalog,
        variants: Variants,
        origins: Origins,
        access: Access,
        names: Names,
        packer: Packer,
        announce: Announce,
    ) -> None:
        self._mover = mover
        self._catalog = catalog
        self._variants = variants
        self._origins = origins
        self._access = access
        self._names = names
        self._packer = packer
        self._announce = announce

    async def push(
        self, repository: Reference, tag: str, credentials: Credentials, platform: Platform | None = None
    ) -> AsyncIterator[Line]:
        """Push a tag (or all, where none is named); iterating gives dockerd's progress lines."""
        names = await self._named(repository, tag)
        yield {"status": f"The push refers to repository [{repository.name}]"}
        for found in names:
            name = await self._packer.packed(found)
            assert name.reference is not None
            progress = PushProgress()
            target = await self._chosen(name, name.reference, platform)
            try:
                async for line in self._one(name, target, progress, credentials):
                    yield line
            except Fault as fault:
                raise _translate(fault) from fault
            for line in progress.finish():
                yield line
            digest, size = target.digest, target.size
            await self._origins.pushed(target, name.reference)
            if target == name.target:
                await self._names.tag(target, name.reference.with_digest(digest))  # the registry knows it by that
            elif platform is None:
                yield _instead(name.target, target)
            yield {"status": f"{name.reference.tag}: digest: {digest} size: {size}"}
            yield {"progressDetail": {}, "aux": {"Tag": name.reference.tag, "Digest": digest, "Size": size}}
            self._announce("push", name.reference.familiar, {"name": name.reference.familiar_name})

    async def _named(self, repository: Reference, tag: str) -> list[Name]:
        wanted = repository.with_tag(tag) if tag else repository
        names = [
            name
            for image in await self._catalog.all()
            for name in image.names
            if name.reference is not None
            and name.reference.tag
            and name.reference.name == wanted.name
            and wanted.tag in ("", name.reference.tag)
        ]
        if not names:
            raise NotFound(
                f"An image does not exist locally with the tag: {repository.familiar_name}"
                if not tag
                else f"tag does not exist: {wanted.familiar}"
            )
        return sorted(names, key=lambda name: name.record)

    async def _chosen(self, name: Name, reference: Reference, platform: Platform | None) -> Descriptor:
        """What goes under the tag: all of it, or one platform's manifest."""
        everything = await self._variants.of(name.target)
        suitable = [one for one in everything if one.available and (platform is None or one.suits((platform,)))]
        suitable = [one for one in suitable if one.is_image]
        if not suitable:
            raise lacking(reference.familiar, platform)
        whole = name.target.media_type not in INDEX_TYPES or all(one.available for one in everything)
        if platform is None and whole:
            return name.target
        if platform is not None and len(suitable) > 1:
            raise Conflict(f"multiple manifests found for platform {platform}")
        return _descriptor(suitable[0] if len(suitable) == 1 else _of_the_host(suitable))

    async def _one(
        self, name: Name, target: Descriptor, progress: PushProgress, credentials: Credentials
    ) -> AsyncIterator[Line]:
        assert name.reference is not None
        destination, streams = registry(name.reference, credentials, self._access)
        async with contextlib.AsyncExitStack() as stack:
            same = target == name.target
            record = name.record if same else await stack.enter_async_context(self._names.passing(target))
            async for event in self._mover.move(imagestore_pb2.ImageStore(name=record), destination, streams):
                for line in progress.feed(event):
                    yield line


def _of_the_host(suitable: Sequence[Variant]) -> Variant:
    """The best for this machine of several; Conflict where none is."""
    ranked = [(platforms.host().rank(one.platform), one) for one in suitable if one.platform is not None]
    fitting = [(rank, position, one) for position, (rank, one) in enumerate(ranked) if rank is not None]
    if not fitting:
        raise Conflict("multiple matching manifests found but no specific platform requested")
    return min(fitting, key=lambda entry: entry[:2])[2]


def _descriptor(variant: Variant) -> Descriptor:
    return Descriptor(variant.entry["mediaType"], variant.digest, variant.entry["size"])


def _instead(index: Descriptor, manifest: Descriptor) -> Line:
    """The note that not all of it went."""
    shown = [{"mediaType": one.media_type, "digest": one.digest, "size": one.size} for one in (index, manifest)]
    aux = {"manifestPushedInsteadOfIndex": True, "originalIndex": shown[0], "selectedManifest": shown[1]}
    return {"progressDetail": {}, "aux": aux}


def _translate(fault: Fault) -> Fault:
    text = str(fault)
    refused = any(sign in text for sign in ("authorization failed", "insufficient_scope", "401 Unauthorized", "403"))
    if isinstance(fault, PermissionDenied | Unauthenticated) or refused:
        return PermissionDenied("denied: requested access to the resource is denied")
    return fault
