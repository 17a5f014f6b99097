"""The build context: a client's tar, unpacked below a private folder; its Dockerfile, found without leaving it."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable

from engine import kernel
from engine.builder import ignore
from engine.builder.threads import finish
from engine.containers.tar_in import TarReader
from engine.images.decompress import decompressed
from proto.errdefs import InvalidArgument

_DOCKERFILE_LIMIT = 4 << 20
_PIECE = 1 << 20
_NO_LINKS = kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_SYMLINKS


class Context:
    """One unpacked context."""

    def __init__(self, root: int) -> None:
        self.root = root  # the caller's to close

    def read(self, path: str) -> str | None:
        """A small text file of the context; None where there is none. Links are followed inside of the context."""
        try:
            fd = kernel.openat2(self.root, path, os.O_RDONLY | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with os.fdopen(fd, "rb") as file:
            try:
                data = file.read(_DOCKERFILE_LIMIT + 1)
            except IsADirectoryError:
                return None
        if len(data) > _DOCKERFILE_LIMIT:
            raise InvalidArgument(f"{path} is larger than 4 MiB")
        return data.decode("utf-8", "replace")

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
        text = self.read(".dockerignore")
        if not text:
            return
        rules = ignore.Ignore(ignore.read(text))
        for name in (dockerfile.lstrip("/"), ".dockerignore"):
            if rules.excludes(os.path.normpath(name)):
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
        root = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            await _unpack(chunks, root)
            yield Context(root)
        finally:
            os.close(root)
    finally:
        if discard is not None:
            discard(folder)
        else:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _unpack(chunks: AsyncIterator[bytes], root: int) -> None:
    """Unpack while it arrives: a thread reads what is written into a pipe here."""
    reading, writing = os.pipe2(os.O_CLOEXEC)

    def extract() -> None:
        with os.fdopen(reading, "rb") as source:
            TarReader(root, "/").extract(source)
            while source.read(_PIECE):
                pass  # what clients pad the archive with

    work = asyncio.ensure_future(asyncio.to_thread(extract))
    try:
        with os.fdopen(writing, "wb", buffering=0) as target:
            async for piece in decompressed(chunks, whole=True):
                await finish(_write, target.fileno(), piece)
    except BrokenPipeError:
        pass  # the reader has failed, and says why
    finally:
        await work


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
