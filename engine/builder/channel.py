"""What `wherry build` has beside its request: secrets, contexts by name, a way to its SSH agent, the result as files.

A channel has a token that the client made up, and lives as long as the connection that opened it. All that came by it
goes with it: secrets are in memory only, contexts in private folders. An agent is reached by connections that the
client opens ahead and that wait here; one is taken for each connection that a step makes.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.builder.client import Made, Stream, Tell, Waiting
from engine.builder.context import Context, taken
from engine.builder.kept_contexts import Kept, KeptContexts
from engine.builder.threads import finish
from engine.images.registry_auth import Credentials
from proto.errdefs import AlreadyExists, InvalidArgument, NotFound, ResourceExhausted, Unavailable

_TOKEN = re.compile(r"[0-9a-f]{32,64}")
_SECRETS_LIMIT = 4 << 20
_WAITING_LIMIT = 64
_AGENT_PATIENCE = 20.0


@dataclass(slots=True)
class Result:
    """An image's files, read-only, until the client has taken them."""

    root: int
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    whole: bool = False


@dataclass(slots=True)
class Channel:
    """One client's."""

    secrets: dict[str, bytes] = field(default_factory=dict, repr=False)
    contexts: dict[str, Context] = field(default_factory=dict)
    agents: dict[str, "asyncio.Queue[Waiting]"] = field(default_factory=dict)
    results: "asyncio.Queue[Result]" = field(default_factory=asyncio.Queue)
    stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    kept: Kept | None = None
    tell: Tell | None = None
    _builds: int = 0
    _unused: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """By a build: what the channel has stays until the build has ended, also when the client has gone."""
        self._builds += 1
        try:
            yield
        finally:
            self._builds -= 1
            if not self._builds:
                self._unused.set()

    @contextlib.asynccontextmanager
    async def begun(self) -> AsyncIterator[None]:
        """The same."""
        with self.used():
            yield

    async def unused(self) -> None:
        """When no build uses it any more."""
        while self._builds:
            self._unused.clear()
            await self._unused.wait()

    def keep_secrets(self, secrets: dict[str, bytes]) -> None:
        """For the builds of this channel."""
        self.secrets |= secrets
        if sum(map(len, self.secrets.values())) > _SECRETS_LIMIT:
            self.secrets.clear()
            raise InvalidArgument("the secrets of a build are larger than 4 MiB")

    async def compare(self, contexts: KeptContexts, key: str, rows: list[Any]) -> list[int]:
        """The context that the next build has, as a list of files; answers which of them must be sent."""
        if self.kept is not None:
            raise AlreadyExists("the channel has a context already")
        self.kept = await self.stack.enter_async_context(contexts.opened(key))
        return await finish(self.kept.compare, rows)

    async def filled(self, chunks: AsyncIterator[bytes]) -> Context:
        """That context, when what was lacking has come."""
        if self.kept is None:
            raise InvalidArgument("the channel has no list of a context's files")
        await taken(chunks, self.kept)
        return Context(self.kept.root, self.kept)

    @property
    def folders(self) -> frozenset[str]:
        """The contexts by name that are folders."""
        return frozenset(self.contexts)

    async def folder(self, name: str) -> Context:
        """A context by name."""
        return self.contexts[name]

    async def secret(self, identifier: str) -> bytes | None:
        """A secret, if one was given."""
        return self.secrets.get(identifier)

    async def has_agent(self, identifier: str) -> bool:
        """Has the client offered its agent."""
        return identifier in self.agents

    async def credentials(self, domain: str) -> Credentials | None:
        """The request has them."""
        return None

    async def solved(self, made: Made) -> None:
        """Nobody has to say that it may go on."""

    async def export(self, made: Made) -> bool:
        """Who wants files says so in the request."""
        return False

    def offer(self, name: str, stream: Stream) -> Waiting:
        """A connection to the client's agent, for whoever wants one."""
        queue = self.agents.setdefault(name, asyncio.Queue())
        if queue.qsize() >= _WAITING_LIMIT:
            raise ResourceExhausted(f"more than {_WAITING_LIMIT} connections to the agent {name} wait already")
        queue.put_nowait(waiting := Waiting(stream))
        return waiting

    async def agent(self, name: str) -> Waiting:
        """A connection to the client's agent."""
        if name not in self.agents:
            raise NotFound(f"no SSH agent {name!r} was given (wherry build --ssh)")
        try:
            return await asyncio.wait_for(self.agents[name].get(), _AGENT_PATIENCE)
        except TimeoutError:
            raise Unavailable(f"the client makes no connection to its agent {name}") from None

    async def give(self, root: int) -> None:
        """Hand the result to the client; returns when all of it has been sent."""
        result = Result(root)
        self.results.put_nowait(result)
        await result.taken.wait()
        if not result.whole:
            raise Unavailable("the client did not take the whole result")

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[int]:
        """The next result's root, for whoever sends it."""
        result = await self.results.get()
        try:
            yield result.root
            result.whole = True
        finally:
            result.taken.set()


class Channels:
    """All that are open, and the contexts that outlive them."""

    def __init__(self, kept: KeptContexts) -> None:
        self.kept = kept
        self._open: dict[str, Channel] = {}

    @contextlib.asynccontextmanager
    async def opened(self, token: str) -> AsyncIterator[Channel]:
        """A new one, for the length of a block."""
        if not _TOKEN.fullmatch(token):
            raise InvalidArgument("the token of a build's channel is 32 to 64 hexadecimal digits")
        if token in self._open:
            raise AlreadyExists("the channel is open already")
        channel = self._open[token] = Channel()
        async with channel.stack:
            try:
                yield channel
            finally:
                del self._open[token]
                await channel.unused()

    def get(self, token: str) -> Channel:
        """The open one with the token."""
        if token not in self._open:
            raise NotFound("no such channel of a build")
        return self._open[token]
