"""`docker pull`: one reference, one platform, from a registry into the supervisor's store.

The first line is written when the registry has answered, so that a pull that fails before has an HTTP status.
"""

import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Collection
from typing import Protocol

from engine.images import platform as platforms
from engine.images.hosts import Access
from engine.images.model import Descriptor
from engine.images.mover import Mover, Server, answer_credentials
from engine.images.names import Names
from engine.images.platform import Platform
from engine.images.progress import Line, PullProgress, status
from engine.images.reference import DEFAULT_DOMAIN, Reference
from engine.images.registry_auth import Credentials
from engine.images.removal import Announce
from proto.containerd.types.transfer import imagestore_pb2, progress_pb2, registry_pb2
from proto.errdefs import DataLoss, Fault, Internal, InvalidArgument, NotFound, PermissionDenied, Unauthenticated

_MISMATCH = re.compile(r"unexpected commit digest \S+, expected (sha256:[0-9a-f]+)")


class Writes(Protocol):
    """The part of the content service that a failed pull takes."""

    async def abort(self, ref: str) -> None: ...


class Tags(Protocol):
    """Who knows which tags a repository has."""

    async def tags(self, repository: Reference, credentials: Credentials) -> list[str]: ...


class Companions(Protocol):
    """Who fetches what is said about an image."""

    async def fetch(self, reference: Reference, target: Descriptor, credentials: Credentials) -> None: ...


class Puller:
    """Pulls images."""

    def __init__(
        self,
        mover: Mover,
        names: Names,
        writes: Writes,
        snapshotter: str,
        access: Access,
        announce: Announce,
        tags: Tags,
        companions: Companions,
    ) -> None:
        self._mover = mover
        self._tags = tags
        self._companions = companions
        self._writes = writes
        self._names = names
        self._snapshotter = snapshotter
        self._access = access
        self._announce = announce

    async def pull_all(
        self, repository: Reference, credentials: Credentials, platform: Platform | None = None
    ) -> AsyncIterator[Line]:
        """Pull every tag that the registry has; one status tells of all."""
        tags = await self._tags.tags(repository, credentials)
        newer = False
        for tag in tags:
            async for line in self.pull(repository.with_tag(tag), credentials, platform):
                if str(line.get("status", "")).startswith("Status: "):
                    newer = newer or "Downloaded newer" in line["status"]
                else:
                    yield line
        what = "Downloaded newer image for" if newer else "Image is up to date for"
        yield status(f"Status: {what} {repository.familiar_name}")

    async def pull(
        self, reference: Reference, credentials: Credentials, platform: Platform | None = None
    ) -> AsyncIterator[Line]:
        """Pull one image; iterating gives dockerd's progress lines."""
        before = await self._names.current(reference)
        progress = PullProgress()
        begun = False
        async with self._names.holding([before] if before else []):
            try:
                async for event in self._move(reference, credentials, platform or platforms.host()):
                    lines = list(progress.feed(event))
                    if progress.resolved and not begun:
                        begun = True
                        yield _first_line(reference)
                    for line in lines:
                        yield line
            except Fault as fault:
                await self._forget(progress.refs, fault)
                raise translate(fault, reference) from fault
            self._names.content_came()
            if before is not None:
                await self._names.keep([before])
        if not begun:
            yield _first_line(reference)
        for line in progress.finish():
            yield line
        target = await self._settle(reference)
        await self._companions.fetch(reference, target, credentials)
        yield status(f"Digest: {target.digest}")
        newer = before is None or before.target.digest != target.digest
        what = "Downloaded newer image for" if newer else "Image is up to date for"
        yield status(f"Status: {what} {reference.familiar}")
        self._announce("pull", reference.familiar, {"name": reference.familiar_name})

    async def _forget(self, refs: Collection[str], fault: Fault) -> None:
        """What came with the wrong digest must not be gone on with: the next pull would fail over it again."""
        if "unexpected commit" not in str(fault):
            return
        for ref in refs:
            with contextlib.suppress(Fault):
                await self._writes.abort(ref)

    def _move(
        self, reference: Reference, credentials: Credentials, platform: Platform
    ) -> AsyncIterator[progress_pb2.Progress]:
        source, streams = registry(reference, credentials, self._access)
        destination = imagestore_pb2.ImageStore(
            name=str(reference),
            platforms=[platform.to_proto()],
            unpacks=[imagestore_pb2.UnpackConfiguration(platform=platform.to_proto(), snapshotter=self._snapshotter)],
        )
        return self._mover.move(source, destination, streams)

    async def _settle(self, reference: Reference) -> Descriptor:
        """Note under which digest the registry has the image; answers what the name leads to."""
        name = await self._names.current(reference)
        if name is None:
            raise Internal(f"{reference} was pulled, but has gone since")
        if not reference.digest:
            await self._names.tag(name.target, reference.with_digest(name.target.digest))
        return name.target


def registry(
    reference: Reference, credentials: Credentials, access: Access
) -> tuple[registry_pb2.OCIRegistry, dict[str, Server]]:
    """A registry as a transfer's source or destination, and the stream that answers its questions."""
    resolver = registry_pb2.RegistryResolver()
    streams: dict[str, Server] = {}
    if credentials:
        resolver.auth_stream = f"auth-{secrets.token_hex(8)}"
        streams[resolver.auth_stream] = answer_credentials(credentials)
    if access.names(reference.domain):
        resolver.default_scheme = "http"
    if reference.domain == DEFAULT_DOMAIN:
        resolver.host_dir = access.folder
    return registry_pb2.OCIRegistry(reference=str(reference), resolver=resolver), streams


def translate(fault: Fault, reference: Reference) -> Fault:
    """Docker's words for what a registry refuses."""
    text = str(fault)
    if mismatch := _MISMATCH.search(text):
        return DataLoss(f"filesystem layer verification failed for digest {mismatch[1]}")
    if isinstance(fault, NotFound) or "not found" in text:
        return NotFound(f"manifest for {reference.familiar} not found: manifest unknown: manifest unknown")
    if isinstance(fault, PermissionDenied | Unauthenticated) or _is_refusal(text):
        return NotFound(
            f"pull access denied for {reference.familiar_name}, repository does not exist or may require "
            "'docker login': denied: requested access to the resource is denied"
        )
    if isinstance(fault, InvalidArgument):
        return fault
    return type(fault)(text)


def _is_refusal(text: str) -> bool:
    return any(
        sign in text for sign in ("authorization failed", "insufficient_scope", "401 Unauthorized", "403 Forbidden")
    )


def _first_line(reference: Reference) -> Line:
    return {"status": f"Pulling from {reference.path}", "id": reference.digest or reference.tag}
