"""What all stages of one build share."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from engine import timestamps
from engine.builder.cache import Cache, Entry
from engine.builder.channel import Channel
from engine.builder.client import Client
from engine.builder.context import Context
from engine.builder.context_paths import Paths
from engine.builder.history_cache import HistoryCache
from engine.builder.layers import Layers
from engine.builder.mounting import Mounting
from engine.builder.parser import Dockerfile
from engine.builder.request import Request
from engine.builder.state import Layer, State
from engine.containers.room import Room
from engine.images.model import Image
from engine.images.service import Images


@dataclass(frozen=True, slots=True)
class Known:
    """A step that need not be made again; one that was made here is to be confirmed yet."""

    created: str
    layer: Layer | None
    entry: Entry | None = None


@dataclass(slots=True)
class Session:
    """One build."""

    id: str
    request: Request
    file: Dockerfile
    context: Callable[[Paths], Awaitable[Context]]  # asked for when a step needs some paths of it
    temporary: str
    room: Room
    images: Images
    layers: Layers
    cache: Cache
    mounting: Mounting
    channel: Channel | None = None
    client: Client | None = None
    others: HistoryCache = field(default_factory=HistoryCache)
    meta: dict[str, str | None] = field(default_factory=dict)
    results: dict[int, "asyncio.Future[State]"] = field(default_factory=dict)
    referenced: set[str] = field(default_factory=set)
    pulls: dict[str, asyncio.Lock] = field(default_factory=dict)
    fresh: dict[str, Image] = field(default_factory=dict)

    def known(self, key: str, state: State, command: str, *, plain: bool = True) -> Known | None:
        """A step made before: here, or by those who made the images of `--cache-from`, if there are any.

        As with the classic builder, these alone are asked then; but for steps that no history can tell of.
        """
        if self.request.no_cache:
            return None
        if plain and self.request.cache_from and self.request.epoch is None:
            found = self.others.find(state, command)
            return None if found is None else Known(found.created, found.layer)
        entry = self.cache.find(key)
        return None if entry is None else Known(entry.created, entry.layer, entry)

    @property
    def replaced(self) -> frozenset[str]:
        """The names that `--build-context` gives another meaning."""
        given = frozenset(self.request.contexts) | frozenset(self.request.states)
        return given | (self.client.folders if self.client else frozenset())

    def is_folder(self, name: str) -> bool:
        """Does a name mean a folder of the client's."""
        return self.client is not None and name.lower() in self.client.folders

    async def folder(self, name: str) -> Context | None:
        """That folder."""
        return await self.client.folder(name.lower()) if self.client is not None and self.is_folder(name) else None

    async def secrets(self, names: Iterable[str]) -> dict[str, bytes]:
        """Those that a step asks for, as far as there are any."""
        found = {}
        for name in names:
            value = await self.client.secret(name) if self.client is not None else None
            if value is None:
                value = self.request.secrets.get(name)
            if value is not None:
                found[name] = value
        return found

    def now(self) -> str:
        """The time that new steps say."""
        epoch = self.request.epoch
        return timestamps.now() if epoch is None else timestamps.from_seconds(epoch)
