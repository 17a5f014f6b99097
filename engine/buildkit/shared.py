"""One thing for several builds at once: made for the first who asks, gone with the last who lets it go.

`docker buildx bake` and compose build many targets of one folder side by side, by one session: it is sent once.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
Make = Callable[[contextlib.AsyncExitStack], Awaitable[Thing]]


class _Entry(Generic[Thing]):
    def __init__(self, make: Make[Thing]) -> None:
        self.users = 0
        self.stack = contextlib.AsyncExitStack()
        self.made = asyncio.ensure_future(make(self.stack))


class Shared(Generic[Thing]):
    """All of a session's, by what they are."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, _Entry[Thing]] = {}

    @contextlib.asynccontextmanager
    async def of(self, key: Hashable, make: Make[Thing]) -> AsyncIterator[Thing]:
        """For the length of a block; what `make` enters into its stack is left after the last block."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(make)
        entry.users += 1
        try:
            yield await asyncio.shield(entry.made)
        finally:
            entry.users -= 1
            if not entry.users:
                del self._entries[key]
                entry.made.cancel()
                await asyncio.wait([entry.made])
                if not entry.made.cancelled():
                    entry.made.exception()  # retrieved: whoever waited for it has been told
                await entry.stack.aclose()
