"""The folders of a session's client as a build's contexts: which of them, what of each, and how long they are kept.

A Dockerfile and its ignore file are fetched alone and first, as BuildKit's own frontend does: by them the client knows
what of the context it need not send. The context itself waits until a step wants it.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from engine.builder import context, git_address, remote
from engine.builder.client import Tell
from engine.builder.context import Context
from engine.builder.context_paths import Paths
from engine.builder.ignore import read
from engine.builder.kept_contexts import KeptContexts
from engine.builder.request import Request
from engine.builder.threads import finish
from engine.buildkit import filesync, upload
from engine.buildkit.caller import Caller
from engine.buildkit.filesync import Wanted
from engine.buildkit.synced import Synced
from proto.errdefs import InvalidArgument, NotFound, Unimplemented

Options = Mapping[str, str]
Find = Callable[[str], Awaitable[Caller]]

_IGNORE = ".dockerignore"
_CONTEXT, _DOCKERFILE = "context", "dockerfile"
_NAMED = "context:"
_REFUSED = {
    "input": "a definition in LLB",
    "oci-layout": "an OCI layout: load it, and name it by docker-image://",
    "target": "another target",
    "http": "something to be downloaded: ADD does that",
    "https": "something to be downloaded: ADD does that",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A context by its name."""

    name: str
    source: str  # local:DIRECTORY, or a git address


def named(options: Options) -> dict[str, Named]:
    """Those that are folders; images are the request's, and others are refused by name."""
    found = {}
    for key, value in options.items():
        if not key.startswith(_NAMED) or value.startswith("docker-image://"):
            continue
        name = key.removeprefix(_NAMED).partition("::")[0].lower()
        kind = value.partition(":")[0]
        if kind != "local" and not git_address.is_context(value):
            hint = _REFUSED.get(kind, "of an unknown kind")
            raise Unimplemented(f"the build context {name}={value[:80]} is not supported: it is {hint}")
        found[name] = Named(name, value)
    return found


class Folders:
    """One build's; what it opens goes with `stack`."""

    def __init__(self, caller: Caller, kept: KeptContexts, temporary: str, options: Options) -> None:
        self._caller = caller
        self._kept = kept
        self._temporary = temporary
        self._options = options
        self._named = named(options)
        self._filename = options.get("filename") or "Dockerfile"
        self._ignored: tuple[str, ...] = ()
        self._main: Context | None = None
        self._part: Context | None = None
        self.wanted: Paths | None = None
        self._opened: dict[str, Context] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.stack = contextlib.AsyncExitStack()
        self.tell: Tell | None = None
        self.find: Find | None = None
        self.body: AsyncIterator[bytes] | None = None  # a tar that came with the build's request
        if options.get("contextsubdir"):
            raise Unimplemented("the build option contextsubdir is not supported: name the folder in the address")

    @property
    def names(self) -> frozenset[str]:
        """Of the contexts by name."""
        return frozenset(self._named)

    async def dockerfile(self, request: Request) -> str:
        """The text to be built; what the context leaves out is known after it, too."""
        name = self._filename
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            raise InvalidArgument(f"Forbidden path outside the build context: {name}")
        own = self._options.get("dockerfilekey", "")
        address = self._options.get(self._options.get("contextkey", _CONTEXT), "")
        if self.body is not None:
            self._main = await self._received(self.body)
        elif address:
            self._main = await self._remote(address, request)
        names = (name, f"{name}.dockerignore", *_lower(name))
        if self._main is not None and not own:
            found = await finish(lambda main: {each: main.read(each) for each in names}, self._main)
        else:
            sent = [self._texts(own or _DOCKERFILE, names, "dockerfile")]
            if self._main is None:
                sent.append(self._texts(_CONTEXT, (_IGNORE,), "dockerignore"))
            both = await asyncio.gather(*sent)
            found = both[0]
            ignore = found.get(f"{name}.dockerignore")
            if ignore is None and self._main is None:
                ignore = both[1].get(_IGNORE)
            self._ignored = tuple(read(ignore or ""))
        for each in (name, *_lower(name)):
            if (text := found.get(each)) is not None:
                return text
        raise InvalidArgument(f"failed to read dockerfile: open {name}: no such file or directory")

    async def _remote(self, address: str, request: Request) -> Context:
        if upload.is_upload(address):
            return await self._received(upload.pieces(self._caller, address))
        asked = replace(request, remote=address)
        return await self.stack.enter_async_context(remote.fetched(asked, self._temporary, ignore=False))

    async def _received(self, pieces: AsyncIterator[bytes]) -> Context:
        body = remote.opened(pieces)
        async with contextlib.aclosing(body):
            return await self.stack.enter_async_context(context.received(body, self._temporary))

    async def context(self, paths: Paths) -> Context:
        """The build's own: what the Dockerfile says that it wants, or all, where a step wants more than it says."""
        async with self._locks.setdefault(_CONTEXT, asyncio.Lock()):
            if self._main is None and self.wanted and paths <= self.wanted:
                if self._part is None:
                    wanted = Wanted(_CONTEXT, follow=tuple(sorted(self.wanted)), exclude=self._ignored)
                    self._part = await self._local(wanted, _CONTEXT)
                return self._part
            if self._main is None:
                what = "the whole context" if self._part is not None else _CONTEXT
                self._main = await self._local(Wanted(_CONTEXT, exclude=self._ignored), what)
            return self._main

    async def folder(self, name: str) -> Context:
        """One by its name."""
        async with self._locks.setdefault(f"{_NAMED}{name}", asyncio.Lock()):
            if name not in self._opened:
                self._opened[name] = await self._open(self._named[name])
            return self._opened[name]

    async def _open(self, wanted: Named) -> Context:
        kind, _, directory = wanted.source.partition(":")
        if kind != "local":
            return await self._remote(wanted.source, Request())
        found = await self._texts(directory, (_IGNORE,), f"{wanted.name} dockerignore")
        excluded = tuple(read(found.get(_IGNORE) or ""))
        return await self._local(Wanted(directory, exclude=excluded), wanted.name)

    async def _of(self, directory: str) -> Caller:
        """Who has it: clients that build several things at once may have a session for each."""
        identity = self._options.get(f"local-sessionid:{directory}", "")
        if not identity or identity == self._caller.identity:
            return self._caller
        if self.find is None:
            raise NotFound(f"no active session for {identity[:80]}")
        return await self.find(identity)

    async def _local(self, wanted: Wanted, what: str) -> Context:
        caller = await self._of(wanted.directory)
        # Each Dockerfile has one of its own: builds by turns of several that want other files would send all again.
        key = f"session {caller.shared_key} {self._filename} {what}" if caller.shared_key else ""

        async def make(stack: contextlib.AsyncExitStack) -> Context:
            found = self._kept.opened_as(Synced, key) if key else self._passing()
            synced = await stack.enter_async_context(found)
            await filesync.receive(caller, wanted, synced, what, self.tell)
            return Context(synced.root, synced)

        return await self.stack.enter_async_context(caller.contexts.of((key, wanted), make))

    async def _texts(self, directory: str, names: tuple[str, ...], what: str) -> dict[str, str | None]:
        async with self._passing() as synced:
            caller = await self._of(directory)
            await filesync.receive(caller, Wanted(directory, follow=names), synced, what, self.tell)
            found = Context(synced.root, synced)
            return await finish(lambda: {name: found.read(name) for name in names})

    @contextlib.asynccontextmanager
    async def _passing(self) -> AsyncIterator[Synced]:
        folder = tempfile.mkdtemp(prefix="build-", dir=self._temporary)
        try:
            with contextlib.closing(Synced(folder)) as synced:
                yield synced
        finally:
            await finish(shutil.rmtree, folder, ignore_errors=True)


def _lower(name: str) -> tuple[str, ...]:
    """Spelled so, it is taken too."""
    folder, base = os.path.split(name)
    return (os.path.join(folder, base.lower()),) if base == "Dockerfile" else ()
