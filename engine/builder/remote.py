"""Contexts that the engine fetches itself (`remote=`): a git repository, a tar, or a Dockerfile alone.

What came by http is a tar if it begins like one, however it is compressed; else it is the Dockerfile. `.dockerignore`
is the engine's to apply here: no client has.
"""

import asyncio
import contextlib
import io
import os
import tarfile
from collections.abc import AsyncGenerator, AsyncIterator

from engine.builder import context, download, git, git_address
from engine.builder.context import Context
from engine.builder.request import Request
from proto.errdefs import InvalidArgument

_MAGICS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_TAR_MAGIC = slice(257, 262)
_PIECE = 1 << 20
_TEXT_LIMIT = 4 << 20


@contextlib.asynccontextmanager
async def fetched(request: Request, temporary: str, *, ignore: bool = True) -> AsyncIterator[Context]:
    """The context that `remote` names; with `ignore`, without what its .dockerignore leaves out."""
    async with contextlib.AsyncExitStack() as stack:
        if git_address.is_context(request.remote):
            keep = request.arguments.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR") in ("1", "true")
            checkout = git.checked_out(git_address.parse(request.remote), temporary, keep_git=keep)
            made = Context(await stack.enter_async_context(checkout))
        elif download.is_remote(request.remote):
            body = await stack.enter_async_context(_downloaded(request.remote, temporary))
            made = await stack.enter_async_context(context.received(body, temporary))
        else:
            raise InvalidArgument(f"unable to detect the kind of the remote context {request.remote[:200]!r}")
        if ignore:
            await asyncio.to_thread(made.remove_ignored, request.dockerfile)
        yield made


@contextlib.asynccontextmanager
async def _downloaded(url: str, temporary: str) -> AsyncIterator[AsyncIterator[bytes]]:
    async with download.fetched(url, temporary, "", name="context") as (folder, name):
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(fd, "rb") as file:
            head = file.read(512)
            if is_archive(head):
                file.seek(0)
                yield _pieces(file)
                return
            text = head + file.read(_TEXT_LIMIT)
        yield _pieces(io.BytesIO(alone(text)))


async def opened(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """What begins like a tar as it is; else it is the Dockerfile of a context without anything more."""
    head = bytearray()
    async for piece in pieces:
        head += piece
        if len(head) >= _TAR_MAGIC.stop:
            break
    if is_archive(bytes(head[:512])):
        yield bytes(head)
        async for piece in pieces:
            yield piece
        return
    async for piece in pieces:
        head += piece
        if len(head) > _TEXT_LIMIT:
            raise InvalidArgument("what was sent is neither a tar nor a Dockerfile")
    yield alone(bytes(head))


def is_archive(head: bytes) -> bool:
    """Does something begin like a tar, compressed or not."""
    return head.startswith(_MAGICS) or head[_TAR_MAGIC] == b"ustar"


def alone(dockerfile: bytes) -> bytes:
    """A context that is nothing but a Dockerfile."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size, entry.mode = len(dockerfile), 0o644
        tar.addfile(entry, io.BytesIO(dockerfile))
    return buffer.getvalue()


async def _pieces(file: io.BufferedIOBase) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _PIECE):
        yield piece
