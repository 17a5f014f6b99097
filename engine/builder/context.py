"""The build context: a client's tar, unpacked below a private folder; its Dockerfile, found without leaving it."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator

from engine import kernel
from engine.builder import ignore
from engine.builder.threads import finish
from engine.containers.tar_in import TarReader
from engine.images.decompress import decompressed
from proto.errdefs import InvalidArgument

_DOCKERFILE_LIMIT = 4 << 20
_PIECE = 1 << 20


class Context:
    """One unpacked context."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.root = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self.root)

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
async def received(chunks: AsyncIterator[bytes], temporary: str) -> AsyncIterator[Context]:
    """A context from the body of a request, gone after the block."""
    folder = tempfile.mkdtemp(prefix="build-", dir=temporary)
    try:
        context = Context(folder)
        try:
            await _unpack(chunks, context.root)
            yield context
        finally:
            context.close()
    finally:
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
