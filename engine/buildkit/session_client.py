"""Who builds by a session: what a build wants from its client, asked for by the services that the client serves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from engine.builder.client import Made, Tell, Waiting
from engine.builder.context import Context
from engine.builder.context_paths import Paths
from engine.builder.kept_contexts import KeptContexts
from engine.builder.request import Request
from engine.buildkit import auth, results, secrets, sshforward
from engine.buildkit.caller import Caller
from engine.buildkit.folders import Find, Folders
from engine.images.registry_auth import Credentials
from proto.errdefs import Unimplemented


@dataclass(frozen=True, slots=True)
class Exporter:
    """Where a result goes that is to be no image of the engine's."""

    kind: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    number: int = 0  # which of the client's targets

    def __post_init__(self) -> None:
        if self.kind not in results.KINDS:
            raise Unimplemented(f"the output type={self.kind[:80]} is not supported: {', '.join(results.KINDS)} are")
        results.require_known(self.kind, self.attributes)


class SessionClient:
    """One build's."""

    def __init__(
        self,
        caller: Caller,
        contexts: KeptContexts,
        temporary: str,
        options: Mapping[str, str],
        exporter: Exporter | None = None,
    ) -> None:
        self.text = ""  # of the Dockerfile, once it is known
        self.on_solved: Callable[[Made], Awaitable[None]] | None = None
        self._caller = caller
        self._folders = Folders(caller, contexts, temporary, options)
        self._exporter = exporter
        self._credentials: dict[str, Credentials | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def tell(self) -> Tell | None:
        """Where lines of the build's stream go."""
        return self._folders.tell

    @tell.setter
    def tell(self, tell: Tell | None) -> None:
        self._folders.tell = tell

    @property
    def find(self) -> Find | None:
        """Finds other sessions of the same client."""
        return self._folders.find

    @find.setter
    def find(self, find: Find | None) -> None:
        self._folders.find = find

    @property
    def body(self) -> AsyncIterator[bytes] | None:
        """A context that came with the build's request, as a tar."""
        return self._folders.body

    @body.setter
    def body(self, body: AsyncIterator[bytes] | None) -> None:
        self._folders.body = body

    @contextlib.asynccontextmanager
    async def begun(self) -> AsyncIterator[None]:
        """For the length of one build."""
        try:
            async with self._folders.stack:
                yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def dockerfile(self, request: Request) -> str:
        """The text to be built."""
        self.text = await self._folders.dockerfile(request)
        return self.text

    def will_want(self, paths: Paths | None) -> None:
        """What steps ask for, as far as it is known before; None: anything."""
        self._folders.wanted = paths

    async def context(self, paths: Paths) -> Context:
        """The build's own context, or as much of it as has these paths."""
        return await self._folders.context(paths)

    @property
    def folders(self) -> frozenset[str]:
        """The contexts by name that are folders."""
        return self._folders.names

    async def folder(self, name: str) -> Context:
        """A context by name."""
        return await self._folders.folder(name)

    async def secret(self, identifier: str) -> bytes | None:
        """A secret; None where the client has none of this name."""
        return await secrets.secret(self._caller, identifier)

    async def has_agent(self, identifier: str) -> bool:
        """Would the client lend an SSH agent."""
        return await sshforward.has_agent(self._caller, identifier)

    async def agent(self, identifier: str) -> Waiting:
        """A connection to it."""
        return await sshforward.agent(self._caller, identifier, self._tasks)

    async def credentials(self, domain: str) -> Credentials | None:
        """For a registry, asked for once in a build."""
        if domain not in self._credentials:
            self._credentials[domain] = await auth.credentials(self._caller, domain)
        return self._credentials[domain]

    async def solved(self, made: Made) -> None:
        """The result is there; who drives the build says when it may go on."""
        if self.on_solved is not None:
            await self.on_solved(made)

    async def export(self, made: Made) -> bool:
        """Send the result, where the client wants it and not an image."""
        if self._exporter is None:
            return False
        await results.export(self._caller, made, self._exporter.kind, self._exporter.number, self.tell)
        return True
