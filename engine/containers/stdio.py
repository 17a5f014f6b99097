"""A process's streams, whoever keeps them: attach to its output, write to its input.

Our own shim keeps them (`ShimStdio`: a socket that speaks stdcopy); for a foreign shim, and for execs, the engine
does (`logs.pump.PumpStdio`: FIFOs).
"""

import asyncio
import json
import os
from typing import Protocol

from engine.supervisor_client.tasks import Stdio as Names
from proto.errdefs import Internal, Unavailable


class Attachment(Protocol):
    """One client's connection to the streams."""

    async def read(self) -> bytes:
        """Some stdcopy frames (not aligned to their boundaries); empty when the output has ended."""
        ...

    async def write(self, data: bytes) -> None:
        """To the process's stdin."""
        ...

    async def close_stdin(self) -> None:
        """This client has no more input."""
        ...

    def close(self) -> None:
        """Leave; the process goes on."""
        ...


class Stdio(Protocol):
    """The streams of one process."""

    names: Names

    async def attach(self, *, stdin: bool, stdout: bool, stderr: bool) -> Attachment:
        """Join them; what was written before is not repeated."""
        ...

    async def drained(self) -> None:
        """Return when all output has been handed on and logged."""
        ...

    def close(self) -> None:
        """Let go of them."""
        ...


class ShimStdio:
    """The streams of a task on our own shim."""

    def __init__(self, names: Names, socket_path: str) -> None:
        self.names = names
        self._socket = socket_path

    async def attach(self, *, stdin: bool, stdout: bool, stderr: bool) -> "ShimAttachment":
        """Connect, say what is wanted, wait for the shim's word."""
        reader, writer = await connect(self._socket)
        hello = json.dumps({"stdin": stdin, "stdout": stdout, "stderr": stderr})
        writer.write(hello.encode() + b"\n")
        answer = await reader.readline()
        if not answer:
            writer.close()
            raise Unavailable("the container's streams have ended")
        document = json.loads(answer)
        if not document.get("ok"):
            writer.close()
            raise Internal(str(document.get("error", "attach refused by the shim")))
        return ShimAttachment(reader, writer)

    async def drained(self) -> None:
        """The shim writes the log itself, before it lets the task be deleted."""

    def close(self) -> None:
        """Nothing is held."""


class ShimAttachment:
    """A connection to the shim's socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """Frames as the shim sends them."""
        try:
            return await self._reader.read(64 * 1024)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        """Raw bytes."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            pass  # the process is gone; its exit is told elsewhere

    async def close_stdin(self) -> None:
        """Half-close."""
        try:
            if self._writer.can_write_eof():
                self._writer.write_eof()
        except (OSError, RuntimeError):
            pass  # already gone

    def close(self) -> None:
        """Close."""
        self._writer.close()


async def connect(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To a socket of a container's shim; Unavailable when there is none any more."""
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # By the folder's fd: sockaddr_un holds 107 bytes, and data roots may be longer.
        return await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise Unavailable("the container's streams have ended") from error
    finally:
        os.close(folder)
