"""`docker push`: one tag, or every tag of a repository, from the supervisor's store to a registry."""

from collections.abc import AsyncIterator

from engine.images.catalog import Catalog
from engine.images.hosts import Access
from engine.images.model import Name
from engine.images.mover import Mover
from engine.images.names import Names
from engine.images.platform import Platform
from engine.images.progress import Line, PushProgress
from engine.images.pull import registry
from engine.images.reference import Reference
from engine.images.registry_auth import Credentials
from engine.images.removal import Announce
from proto.containerd.types.transfer import imagestore_pb2
from proto.errdefs import Fault, NotFound, PermissionDenied, Unauthenticated


class Pusher:
    """Pushes images."""

    def __init__(self, mover: Mover, catalog: Catalog, access: Access, names: Names, announce: Announce) -> None:
        self._mover = mover
        self._catalog = catalog
        self._access = access
        self._names = names
        self._announce = announce

    async def push(
        self, repository: Reference, tag: str, credentials: Credentials, platform: Platform | None = None
    ) -> AsyncIterator[Line]:
        """Push a tag (or all, where none is named); iterating gives dockerd's progress lines."""
        names = await self._named(repository, tag)
        yield {"status": f"The push refers to repository [{repository.name}]"}
        for name in names:
            assert name.reference is not None
            progress = PushProgress()
            try:
                async for line in self._one(name, name.reference, progress, credentials, platform):
                    yield line
            except Fault as fault:
                raise _translate(fault) from fault
            for line in progress.finish():
                yield line
            digest, size = name.target.digest, name.target.size
            await self._names.tag(name.target, name.reference.with_digest(digest))  # the registry knows it by that
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

    async def _one(
        self,
        name: Name,
        reference: Reference,
        progress: PushProgress,
        credentials: Credentials,
        platform: Platform | None,
    ) -> AsyncIterator[Line]:
        manifest = await self._catalog.manifest(name.target)
        platforms = [(platform or manifest.platform).to_proto()]
        destination, streams = registry(reference, credentials, self._access)
        source = imagestore_pb2.ImageStore(name=name.record, platforms=platforms)
        async for event in self._mover.move(source, destination, streams):
            for line in progress.feed(event):
                yield line


def _translate(fault: Fault) -> Fault:
    text = str(fault)
    refused = any(sign in text for sign in ("authorization failed", "insufficient_scope", "401 Unauthorized", "403"))
    if isinstance(fault, PermissionDenied | Unauthenticated) or refused:
        return PermissionDenied("denied: requested access to the resource is denied")
    return fault
