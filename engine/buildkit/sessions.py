"""The clients that have a session with the engine: by it a build gets what only the client has."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from proto.errdefs import AlreadyExists, InvalidArgument, NotFound

if TYPE_CHECKING:
    from engine.buildkit.caller import Caller

_PATIENCE = 5.0
_LONGEST_ID = 256


class Sessions:
    """All that are open."""

    def __init__(self) -> None:
        self._open: dict[str, Caller] = {}
        self._changed = asyncio.Event()

    def require_free(self, identity: str) -> None:
        """Before the connection is taken over: afterwards there is no status to refuse it by."""
        if not identity or len(identity) > _LONGEST_ID:
            raise InvalidArgument("a session needs an id (X-Docker-Expose-Session-Uuid)")
        if identity in self._open:
            raise AlreadyExists(f"session {identity} already exists")

    @contextlib.asynccontextmanager
    async def opened(self, caller: "Caller") -> AsyncIterator[None]:
        """For the length of a block it can be found."""
        self.require_free(caller.identity)
        self._open[caller.identity] = caller
        self._changed.set()
        self._changed.clear()
        try:
            yield
        finally:
            del self._open[caller.identity]

    async def get(self, identity: str, patience: float = _PATIENCE) -> "Caller":
        """The one with an id, waited for: a build may ask before the session's own connection has come."""
        wanted = identity.partition(":")[2] or identity  # what is before a colon only tells contexts apart
        try:
            async with asyncio.timeout(patience):
                while wanted not in self._open:
                    await self._changed.wait()
            return self._open[wanted]
        except TimeoutError:
            raise NotFound(f"no active session for {wanted[:_LONGEST_ID]}: context deadline exceeded") from None

    def close(self) -> None:
        """End them all."""
        for caller in list(self._open.values()):
            caller.close()
