"""Two connections joined: bytes, ends, losses."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from engine.buildkit.splice import splice

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _pair() -> tuple[Streams, Streams]:
    one, other = socket.socketpair()
    return await asyncio.open_connection(sock=one), await asyncio.open_connection(sock=other)


@contextlib.asynccontextmanager
async def _spliced() -> AsyncIterator[tuple[Streams, Streams, "asyncio.Task[None]"]]:
    left, inner_left = await _pair()
    right, inner_right = await _pair()
    work = asyncio.create_task(splice(inner_left, inner_right))
    try:
        yield left, right, work
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        for _, writer in (left, right, inner_left, inner_right):
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def test_both_ways() -> None:
    async with _spliced() as (left, right, _):
        left[1].write(b"to the right")
        right[1].write(b"to the left")
        assert await right[0].readexactly(12) == b"to the right"
        assert await left[0].readexactly(11) == b"to the left"


async def test_an_end_is_passed_on_and_the_other_way_stays_open() -> None:
    async with _spliced() as (left, right, work):
        left[1].write_eof()
        assert await right[0].read() == b""
        right[1].write(b"still here")
        assert await left[0].readexactly(10) == b"still here"
        right[1].write_eof()
        assert await left[0].read() == b""
        await asyncio.wait_for(work, 30)


async def test_a_lost_side_takes_the_other_with_it() -> None:
    async with _spliced() as (left, right, work):
        left[1].transport.abort()
        assert await right[0].read() == b""
        right[1].close()
        await asyncio.wait([work], timeout=30)
        assert work.done()


async def test_giving_it_up_closes_both() -> None:
    async with _spliced() as (left, right, work):
        await asyncio.sleep(0)
        work.cancel()
        assert await left[0].read() == b""
        assert await right[0].read() == b""
