"""The build context: a client's tar, taken into a private folder; its Dockerfile, found without leaving it."""

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from engine import kernel
from engine.builder import ignore, sources
from engine.builder.feed import Closed, Feed
from engine.builder.sources import Source as Found
from engine.builder.spooling import Spooler
from engine.builder.tar_stream import Source
from engine.builder.threads import finish, finished
from engine.builder.tree import Node, NotPlain, Tree
from engine.images.decompress import decompressed
from proto.errdefs import InvalidArgument, NotFound

_DOCKERFILE_LIMIT = 4 << 20
_FROM_ELSEWHERE = re.compile(r"\.dockerfile\.[0-9a-f]{20}")  # clients' names for one that is not in the context
_NO_LINKS = kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_SYMLINKS


class Files(Protocol):
    """Where a context's files are, and what is known of them."""

    digests: dict[int, str]  # by their inodes

    @property
    def tree(self) -> Tree | None:
        """All of it in memory, as long as that tells the whole."""
        ...

    def materialise(self) -> None: ...

    def bytes_of(self, node: Node, limit: int) -> bytes: ...

    def remove(self, path: str) -> None: ...


class Store(Files, Protocol):
    """One that a tar fills."""

    def unpack(self, source: Source, /) -> None: ...


class Context:
    """One context."""

    def __init__(self, root: int, store: Files | None = None) -> None:
        self._root = root  # the caller's to close
        self._store = store
        self._making = threading.Lock()

    @property
    def root(self) -> int:
        """An fd of its folder, made when it is first asked for. Blocking."""
        if self._store is not None:
            with self._making:
                self._store.materialise()
        return self._root

    @property
    def is_passing(self) -> bool:
        """It goes after the build, so its files may be given away; kept ones would have two names for good."""
        return isinstance(self._store, Spooler)

    async def opened(self) -> int:
        """The same, for the event loop."""
        return await finish(lambda: self.root)

    def find(self, words: tuple[str, ...], excludes: tuple[str, ...], *, owners: bool, parents: bool) -> list[Found]:
        """What an instruction's words stand for. Blocking."""
        if (tree := self._tree) is not None:
            with contextlib.suppress(NotPlain):
                return tree.find(words, excludes, owners=owners, parents=parents)
        known = self._store.digests if self._store is not None else None
        return sources.find(self.root, words, excludes, owners=owners, parents=parents, digests=known)

    @property
    def _tree(self) -> Tree | None:
        return self._store.tree if self._store is not None else None

    def read(self, path: str) -> str | None:
        """A small text file of the context; None where there is none. Links are followed inside of the context."""
        try:
            data = self._noted(path)
        except NotPlain:
            data = self._on_disk(path)
        if data is not None and len(data) > _DOCKERFILE_LIMIT:
            raise InvalidArgument(f"{path} is larger than 4 MiB")
        return None if data is None else data.decode("utf-8", "replace")

    def _noted(self, path: str) -> bytes | None:
        if self._store is None or (tree := self._store.tree) is None:
            raise NotPlain
        try:
            node = tree.at(path)
        except NotFound:
            return None
        return None if node.is_folder else self._store.bytes_of(node, _DOCKERFILE_LIMIT + 1)

    def _on_disk(self, path: str) -> bytes | None:
        try:
            fd = kernel.openat2(self.root, path, os.O_RDONLY | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with os.fdopen(fd, "rb") as file:
            try:
                return file.read(_DOCKERFILE_LIMIT + 1)
            except IsADirectoryError:
                return None

    def dockerfile(self, path: str) -> str:
        """The Dockerfile's text. It and .dockerignore then leave the context where .dockerignore says so."""
        wanted = path or "Dockerfile"
        if os.path.normpath(f"/{wanted}") != os.path.normpath(os.path.join("/", wanted)) or ".." in wanted.split("/"):
            raise InvalidArgument(f"Forbidden path outside the build context: {wanted}")
        text = self.read(wanted)
        if text is None and not path:
            wanted = "dockerfile"
            text = self.read(wanted)
        if text is None:
            raise InvalidArgument(f"Cannot locate specified Dockerfile: {path or 'Dockerfile'}")
        self._remove_ignored(wanted)
        return text

    def remove_ignored(self, dockerfile: str) -> None:
        """What a client would not have sent: for contexts that the engine fetches itself. Blocking."""
        name = dockerfile or "Dockerfile"
        text = self.read(f"{name}.dockerignore")
        if text is None:
            text = self.read(".dockerignore")
        if text:
            self._remove_below("", ignore.Ignore(ignore.read(text)), {os.path.normpath(name), ".dockerignore"})

    def _remove_below(self, folder: str, rules: ignore.Ignore, kept: set[str]) -> None:
        fd = kernel.openat2(self.root, folder or ".", os.O_RDONLY | os.O_DIRECTORY, resolve=_NO_LINKS)
        try:
            with os.scandir(fd) as entries:
                found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
            for name, is_folder in found:
                path = f"{folder}/{name}" if folder else name
                excluded = path not in kept and rules.excludes(path)
                if not is_folder:
                    if excluded:
                        os.unlink(name, dir_fd=fd)
                    continue
                wanted = rules.may_hold(path) or any(each.startswith(f"{path}/") for each in kept)
                if excluded and not wanted:
                    shutil.rmtree(name, dir_fd=fd)
                    continue
                self._remove_below(path, rules, kept)
                if excluded:
                    with contextlib.suppress(OSError):  # something below it was wanted
                        os.rmdir(name, dir_fd=fd)
        finally:
            os.close(fd)

    def _remove_ignored(self, dockerfile: str) -> None:
        rules = ignore.Ignore(ignore.read(self.read(".dockerignore") or ""))
        for name in (dockerfile.lstrip("/"), ".dockerignore"):
            if not rules.excludes(os.path.normpath(name)) and not _FROM_ELSEWHERE.fullmatch(name):
                continue
            try:
                if self._store is None or self._tree is None:
                    raise NotPlain
                self._store.remove(name)
            except NotPlain:
                with contextlib.suppress(OSError):
                    parent = kernel.openat2(self.root, os.path.dirname(name) or ".", os.O_RDONLY | os.O_DIRECTORY)
                    try:
                        os.unlink(os.path.basename(name), dir_fd=parent)
                    finally:
                        os.close(parent)


@contextlib.asynccontextmanager
async def received(
    chunks: AsyncIterator[bytes], temporary: str, discard: Callable[[str], None] | None = None
) -> AsyncIterator[Context]:
    """A context from the body of a request, gone after the block; `discard` may take its folder away later."""
    folder = tempfile.mkdtemp(prefix="build-", dir=temporary)
    try:
        os.mkdir(f"{folder}/tree", 0o700)
        root = os.open(f"{folder}/tree", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            spooler = Spooler(folder, root)
            with contextlib.closing(spooler):
                await taken(chunks, spooler)
                yield Context(root, spooler)
        finally:
            os.close(root)
    finally:
        if discard is not None:
            discard(folder)
        else:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def taken(chunks: AsyncIterator[bytes], store: Store) -> None:
    """Take a context while it arrives, in a thread."""
    feed = Feed()

    def extract() -> None:
        try:
            store.unpack(feed)
        finally:
            feed.close()

    work = asyncio.ensure_future(asyncio.to_thread(extract))
    try:
        async for piece in decompressed(chunks, whole=True):
            await feed.put(piece)
        feed.end()
    except Closed:
        pass  # the thread has failed, and says why
    except BaseException:
        feed.fail()
        await asyncio.wait([work])
        work.exception()  # it was told to end
        raise
    await finished(work)
