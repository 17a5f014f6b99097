"""Garbage collection, as its users see it: deleting takes a name away, the collector removes what nobody refers to."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """What one run did; times in seconds."""

    removed: int = 0
    mark_seconds: float = 0.0
    sweep_seconds: float = 0.0


class Collector(Protocol):
    """The scheduler in front of mark and sweep; runs by itself after mutations."""

    async def collect(self) -> CollectionStats:
        """Run now and return when the files are gone; for `sync` deletions."""
        ...
