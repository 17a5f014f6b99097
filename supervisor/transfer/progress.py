"""Progress as containerd tells it: one event per step of each blob, under the key that its bytes are written with.

    waiting → downloading|uploading … → complete | already exists → extracting … → extracted; at the end: saved

Steps are sent as they happen, amounts at most every 0.1 s per blob. Everything here runs on the event loop.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from supervisor.core.digests import Descriptor
from supervisor.registry.media_types import ref_key

_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """One event."""

    event: str
    name: str = ""
    parents: tuple[str, ...] = ()
    progress: int = 0
    total: int = 0
    descriptor: Descriptor | None = None


Send = Callable[[Progress], Awaitable[None]]


@dataclass(slots=True)
class _Job:
    descriptor: Descriptor
    parents: tuple[str, ...]
    state: str = "waiting"
    told_at: float = 0.0
    told: int = field(default=-1)


class Tracker:
    """The blobs of one transfer. Without a `send` it does nothing, so that nobody has to ask."""

    def __init__(self, root: str, moving: str, send: Send | None) -> None:
        self._root = root
        self._moving = moving
        self._send = send
        self._jobs: dict[str, _Job] = {}
        self._parents: dict[str, list[Descriptor]] = {}
        self._loop = asyncio.get_running_loop()
        self._extracted: dict[str, int] = {}

    async def tell(self, progress: Progress) -> None:
        """Send an event that is about no blob's steps."""
        if self._send is not None:
            await self._send(progress)

    def children(self, parent: Descriptor, found: list[Descriptor]) -> None:
        """Remember who refers to whom."""
        for child in found:
            self._parents.setdefault(child.digest, []).append(parent)

    async def waiting(self, blob: Descriptor) -> None:
        """A blob that will be moved."""
        if blob.digest not in self._jobs:
            parents = tuple(ref_key(parent) for parent in self._parents.get(blob.digest, ())) or (self._root,)
            self._jobs[blob.digest] = _Job(blob, parents)
            await self._step(blob, "waiting", 0)

    async def moved(self, blob: Descriptor, offset: int) -> None:
        """So many bytes have been moved."""
        job = self._jobs.get(blob.digest)
        if job is None or job.state not in ("waiting", self._moving):
            return
        now = time.monotonic()
        if offset > job.told and now - job.told_at >= _PAUSE:
            job.told_at, job.told = now, offset
            await self._step(blob, self._moving, offset)

    async def complete(self, blob: Descriptor) -> None:
        """All bytes are there."""
        await self._step(blob, "complete", blob.size)

    async def exists(self, blob: Descriptor) -> None:
        """Nothing was to be moved."""
        job = self._jobs.get(blob.digest)
        if job is not None:
            job.state = "already exists"
        await self.tell(Progress("already exists", ref_key(blob), (), blob.size, blob.size, blob))

    def extraction(self, blob: Descriptor) -> Callable[[int], None]:
        """A callback for the thread that extracts a layer."""

        def extracted(offset: int) -> None:
            self._loop.call_soon_threadsafe(self._extracted.__setitem__, blob.digest, offset)

        return extracted

    async def extracting(self, blob: Descriptor, done: asyncio.Future[Any]) -> None:
        """Tell how far an extraction is until it has ended."""
        while self._send is not None and not done.done():
            await self._step(blob, "extracting", self._extracted.get(blob.digest, 0))
            await asyncio.wait((done,), timeout=_PAUSE)

    async def extracted(self, blob: Descriptor) -> None:
        """A layer is unpacked."""
        await self._step(blob, "extracted", blob.size)

    async def _step(self, blob: Descriptor, event: str, amount: int) -> None:
        job = self._jobs.setdefault(blob.digest, _Job(blob, (self._root,)))
        job.state = event
        await self.tell(Progress(event, ref_key(blob), job.parents, amount, blob.size, blob))
