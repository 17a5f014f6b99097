"""A feed: what the loop puts, a thread reads, in order; each side learns of the other's early end."""

import asyncio

import pytest

from engine.builder.feed import Closed, Feed


async def test_pieces_arrive_in_order_and_cut_to_size() -> None:
    feed = Feed()
    await feed.put(b"abcdef")
    await feed.put(b"")
    await feed.put(b"gh")
    feed.end()
    assert [feed.read(4), feed.read(4), feed.read(4), feed.read(4)] == [b"abcd", b"ef", b"gh", b""]


async def test_a_loop_far_ahead_waits_for_the_reader() -> None:
    feed, block = Feed(), bytes(5 << 20)
    await feed.put(block)
    waiting = asyncio.ensure_future(feed.put(block))
    await asyncio.sleep(0)
    assert not waiting.done()
    while not waiting.done():
        assert await asyncio.to_thread(feed.read, 1 << 20)
        await asyncio.sleep(0)
    await waiting
    feed.end()


async def test_a_reader_that_has_ended_takes_nothing_more() -> None:
    feed, block = Feed(), bytes(9 << 20)
    waiting = asyncio.ensure_future(feed.put(block))
    await asyncio.sleep(0)
    await asyncio.to_thread(feed.close)
    with pytest.raises(Closed):
        await waiting
    with pytest.raises(Closed):
        await feed.put(b"x")


async def test_a_stream_that_broke_off_is_not_taken_for_a_whole_one() -> None:
    feed = Feed()
    await feed.put(b"abc")
    feed.fail()
    with pytest.raises(Closed):
        await asyncio.to_thread(feed.read, 3)
