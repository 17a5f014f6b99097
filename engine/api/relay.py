"""Copies between a hijacked connection and a process's streams, until the output ends or the client detaches."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from engine import stdcopy
from engine.api import detach
from engine.containers.stdio import Attachment

Result = TypeVar("Result")


class Reader(Protocol):
    """A client's input."""

    async def read(self, limit: int = -1, /) -> bytes:
        """Some of it, b"" at its end."""
        ...


class Client(Protocol):
    """A hijacked connection, or a websocket."""

    @property
    def reader(self) -> Reader:
        """Its input."""
        ...

    async def write_out(self, data: bytes) -> bool:
        """Send; False when the client has gone."""
        ...

    async def gone(self, *, unread: bool) -> None:
        """Return once the client has left; `unread`: nobody reads its input meanwhile."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """How this client is joined: `raw`: it reads bytes, not frames; `half_close`: its input's end is the process's."""

    raw: bool
    tty: bool
    stdin: bool
    half_close: bool
    keys: bytes


async def relay(client: Client, attachment: Attachment, terms: Terms) -> bool:
    """Return when there is nothing more to copy; True if the client left a process that goes on.

    It leaves by its detach keys, or, as with dockerd, by ending its input where that is not to be passed on: at a
    terminal, or where the container's stdin outlives its clients. A client that simply vanishes has no more to read,
    but what it had sent is still passed on.
    """
    output = asyncio.ensure_future(_output(client, attachment, raw=terms.raw))
    pressed = asyncio.ensure_future(_input(client, attachment, terms) if terms.stdin else _never())
    gone = asyncio.ensure_future(client.gone(unread=not terms.stdin))
    try:
        await asyncio.wait((output, pressed, gone), return_when=asyncio.FIRST_COMPLETED)
        if terms.stdin and not output.done():
            await asyncio.wait((output, pressed), return_when=asyncio.FIRST_COMPLETED)
        if pressed.done() and pressed.result():
            return True
        await asyncio.wait((output, gone), return_when=asyncio.FIRST_COMPLETED)  # without more input it still reads
        if output.done():
            output.result()
        return False
    finally:
        for task in (output, pressed, gone):
            task.cancel()
        attachment.close()


async def while_there(client: Client, work: Coroutine[Any, Any, Result | None]) -> Result | None:
    """What the work gives; None, and the work given up, if the client leaves before. Its input must have no reader."""
    doing = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(client.gone(unread=True))
    try:
        await asyncio.wait((doing, gone), return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else None
    finally:
        doing.cancel()
        gone.cancel()


async def _never() -> bool:
    """No input: nothing will be pressed."""
    await asyncio.get_running_loop().create_future()
    return False


async def _output(client: Client, attachment: Attachment, *, raw: bool) -> None:
    decoder = stdcopy.Decoder()
    while chunk := await attachment.read():
        data = b"".join(piece for _, piece in decoder.feed(chunk)) if raw else chunk
        if data and not await client.write_out(data):
            return


async def _input(client: Client, attachment: Attachment, terms: Terms) -> bool:
    """True when the client leaves; False when its input has ended and it stays to read."""
    scanner = detach.Scanner(terms.keys) if terms.tty else None
    while True:
        try:
            data = await client.reader.read(64 * 1024)
        except ConnectionError:
            data = b""
        if not data:
            if terms.tty or not terms.half_close:
                return True
            await attachment.close_stdin()
            return False
        if scanner is None:
            await attachment.write(data)
            continue
        passed, pressed = scanner.feed(data)
        if passed:
            await attachment.write(passed)
        if pressed:
            return True
