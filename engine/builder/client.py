"""What a build takes from who builds, beside its request: files, secrets, an agent, credentials; and where results go.

`wherry build` has a channel for it (`engine/builder/channel.py`), clients of BuildKit's protocol a session
(`engine/buildkit/session_client.py`).
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.builder.context import Context
from engine.builder.context_paths import Paths
from engine.builder.layers import Layers
from engine.builder.request import Request
from engine.builder.state import State
from engine.images.assemble import Assembler
from engine.images.registry_auth import Credentials
from engine.images.service import Images

Tell = Callable[[dict[str, Any]], None]


class Stream(Protocol):
    """A way to an agent: bytes to and fro."""

    @property
    def reader(self) -> asyncio.StreamReader:
        """What the client sends."""
        ...

    async def write_out(self, data: bytes) -> bool:
        """Send; False when the client has gone."""
        ...


@dataclass(slots=True)
class Waiting:
    """A connection to an agent that nobody uses yet; `ended` when it has been used."""

    stream: Stream
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Made:
    """A build's result, before it is kept anywhere."""

    state: State
    layers: Layers
    assembler: Assembler
    images: Images
    request: Request


class Client(Protocol):
    """Who builds."""

    tell: Tell | None  # lines of the build's stream

    def begun(self) -> AbstractAsyncContextManager[None]:
        """For the length of one build."""
        ...

    @property
    def folders(self) -> frozenset[str]:
        """The contexts by name that are folders."""
        ...

    async def folder(self, name: str) -> Context:
        """A context by name."""
        ...

    async def secret(self, identifier: str) -> bytes | None:
        """A secret; None where the client has none of this name."""
        ...

    async def has_agent(self, identifier: str) -> bool:
        """Would the client lend an SSH agent."""
        ...

    async def agent(self, identifier: str) -> Waiting:
        """A connection to it."""
        ...

    async def credentials(self, domain: str) -> Credentials | None:
        """For a registry; None where the request says it all."""
        ...

    async def solved(self, made: Made) -> None:
        """The result is there, and goes on its way when this returns."""
        ...

    async def export(self, made: Made) -> bool:
        """Take the result; False where it is to be an image of the engine's."""
        ...


class Sender(Client, Protocol):
    """Who sends the build's own files, too, once they are asked for."""

    async def dockerfile(self, request: Request) -> str:
        """The text to be built."""
        ...

    def will_want(self, paths: Paths | None) -> None:
        """What steps ask for, as far as it is known before; None: anything."""
        ...

    async def context(self, paths: Paths) -> Context:
        """The build's own context, or as much of it as has these paths."""
        ...
