"""Two connections joined: what one says the other hears, ends included, until both have ended or one is lost."""

import asyncio
import contextlib

_PIECE = 256 << 10


async def splice(
    one: tuple[asyncio.StreamReader, asyncio.StreamWriter], other: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    """Copy both ways. The end of what a side says is passed on; a side that is lost takes the other with it.

    Neither connection is open afterwards, whatever happened.
    """
    directions = [asyncio.ensure_future(_copy(one[0], other[1])), asyncio.ensure_future(_copy(other[0], one[1]))]
    try:
        done, _ = await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        if all(task.exception() is None for task in done):
            await asyncio.wait(directions)
    finally:
        for task in directions:
            task.cancel()
        await asyncio.gather(*directions, return_exceptions=True)
        for _, writer in (one, other):
            writer.close()
        for _, writer in (one, other):
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    writer.write_eof()
