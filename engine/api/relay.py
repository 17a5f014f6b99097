"""Copies between a hijacked connection and a process's streams, until the output ends or the client detaches."""

import asyncio

from engine import stdcopy
from engine.api import detach
from engine.api.hijack import Hijacked
from engine.containers.stdio import Attachment


async def relay(client: Hijacked, attachment: Attachment, *, tty: bool, stdin: bool, keys: bytes) -> bool:
    """Return when there is nothing more to copy; True if the client pressed its detach keys."""
    output = asyncio.ensure_future(_output(client, attachment, tty=tty))
    scanner = detach.Scanner(keys) if tty else None
    pressed = asyncio.ensure_future(_input(client, attachment, scanner) if stdin else _never())
    try:
        await asyncio.wait((output, pressed), return_when=asyncio.FIRST_COMPLETED)
        if pressed.done() and pressed.result():
            return True
        await output  # a client that has no more input still reads
        return False
    finally:
        output.cancel()
        pressed.cancel()
        attachment.close()


async def _never() -> bool:
    """No input: nothing will be pressed."""
    await asyncio.get_running_loop().create_future()
    return False


async def _output(client: Hijacked, attachment: Attachment, *, tty: bool) -> None:
    decoder = stdcopy.Decoder()
    while chunk := await attachment.read():
        data = b"".join(piece for _, piece in decoder.feed(chunk)) if tty else chunk
        if data and not await client.write_out(data):
            return


async def _input(client: Hijacked, attachment: Attachment, scanner: detach.Scanner | None) -> bool:
    """True when the detach keys were pressed; False at the end of the client's input."""
    while True:
        try:
            data = await client.reader.read(64 * 1024)
        except ConnectionError:
            data = b""
        if not data:
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
