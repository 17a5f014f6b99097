"""Contexts that come by a request of their own: `docker build -` of CLIs that have a session, but no folder to sync."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from proto.errdefs import AlreadyExists, NotFound

_PATIENCE = 5.0


@dataclass(slots=True)
class Upload:
    """A body that somebody is to read; `done` when it has been."""

    body: AsyncIterator[bytes]
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Uploads:
    """By the ids of their builds."""

    def __init__(self) -> None:
        self._waiting: dict[str, Upload] = {}
        self._changed = asyncio.Event()

    async def offer(self, build: str, body: AsyncIterator[bytes]) -> None:
        """Returns when the build has read it all, or has ended; nobody who wants it is an error."""
        if build in self._waiting:
            raise AlreadyExists(f"the build {build[:80]} has its context already")
        upload = self._waiting[build] = Upload(body)
        self._changed.set()
        self._changed.clear()
        try:
            await upload.done.wait()
        finally:
            self._waiting.pop(build, None)

    async def take(self, build: str) -> Upload:
        """The one of a build, waited for."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while build not in self._waiting:
                    await self._changed.wait()
            return self._waiting[build]
        except TimeoutError:
            raise NotFound(f"no context was uploaded for the build {build[:80]}") from None
