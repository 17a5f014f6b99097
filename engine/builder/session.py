"""What all stages of one build share."""

import asyncio
from dataclasses import dataclass, field

from engine import timestamps
from engine.builder.cache import Cache
from engine.builder.context import Context
from engine.builder.layers import Layers
from engine.builder.mounting import Mounting
from engine.builder.parser import Dockerfile
from engine.builder.request import Request
from engine.builder.state import State
from engine.containers.room import Room
from engine.images.model import Image
from engine.images.service import Images


@dataclass(slots=True)
class Session:
    """One build."""

    id: str
    request: Request
    file: Dockerfile
    context: Context
    temporary: str
    room: Room
    images: Images
    layers: Layers
    cache: Cache
    mounting: Mounting
    meta: dict[str, str | None] = field(default_factory=dict)
    results: dict[int, "asyncio.Future[State]"] = field(default_factory=dict)
    referenced: set[str] = field(default_factory=set)
    pulls: dict[str, asyncio.Lock] = field(default_factory=dict)
    fresh: dict[str, Image] = field(default_factory=dict)

    def now(self) -> str:
        """The time that new steps say."""
        epoch = self.request.epoch
        return timestamps.now() if epoch is None else timestamps.from_seconds(epoch)
