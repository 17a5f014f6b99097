"""`RUN --mount=type=ssh`: a socket in the step, each connection to it joined with one to the client's agent.

The socket lies in the step's private folder and is bound into the container; it is gone when the step has ended.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator

from engine.builder.client import Client, Stream
from engine.builder.run_mounts import RunMount
from proto.errdefs import Fault, InvalidArgument, Unimplemented

logger = logging.getLogger(__name__)

_PIECE = 1 << 16


@contextlib.asynccontextmanager
async def listening(client: Client | None, mount: RunMount, folder: str, name: str) -> AsyncIterator[bool]:
    """A socket `folder/name` for the length of a step; False where there is no agent and none is required."""
    if client is None:
        raise Unimplemented(
            "RUN --mount=type=ssh needs a way to the client's agent, which this endpoint lacks: use wherry build --ssh"
        )
    if not await client.has_agent(mount.id):
        if mount.required:
            raise InvalidArgument(f"no SSH agent {mount.id!r} was given: build with --ssh {mount.id}")
        yield False
        return
    agents = client
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await _join(agents, mount.id, reader, writer)

    server = await asyncio.start_unix_server(serve, sock=_bound(folder, name, mount))
    try:
        yield True
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def _bound(folder: str, name: str, mount: RunMount) -> socket.socket:
    """By a short name: a socket's path has 107 bytes at most."""
    listener = socket.socket(socket.AF_UNIX)
    parent = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{parent}/{name}")
        os.chown(name, mount.uid, mount.gid, dir_fd=parent)
        os.chmod(name, mount.mode, dir_fd=parent)
    except BaseException:
        listener.close()
        raise
    finally:
        os.close(parent)
    return listener


async def _join(client: Client, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        waiting = await client.agent(name)
    except Fault as fault:
        logger.warning("a step's connection to an SSH agent: %s", fault)
        writer.close()
        return
    to_client = asyncio.ensure_future(_upwards(reader, waiting.stream))
    from_client = asyncio.ensure_future(_downwards(waiting.stream, writer))
    try:
        await asyncio.wait((to_client, from_client), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for work in (to_client, from_client):
            work.cancel()
        await asyncio.gather(to_client, from_client, return_exceptions=True)
        waiting.ended.set()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _upwards(reader: asyncio.StreamReader, stream: Stream) -> None:
    while (data := await reader.read(_PIECE)) and await stream.write_out(data):
        pass


async def _downwards(stream: Stream, writer: asyncio.StreamWriter) -> None:
    while data := await stream.reader.read(_PIECE):
        writer.write(data)
        await writer.drain()
