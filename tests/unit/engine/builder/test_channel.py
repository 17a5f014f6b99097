"""Channels: their lives, and what is handed over by them."""

import asyncio
from pathlib import Path

import pytest

from engine.builder.channel import Channel, Channels
from engine.builder.kept_contexts import KeptContexts
from proto.errdefs import AlreadyExists, InvalidArgument, NotFound, ResourceExhausted, Unavailable

_TOKEN = "ab" * 16


class Stream:
    """A connection that nobody reads."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader()

    async def write_out(self, data: bytes) -> bool:
        """Gone."""
        return False


async def test_a_channel_is_there_for_a_block_and_only_once(tmp_path: Path) -> None:
    channels = Channels(KeptContexts(str(tmp_path)))
    async with channels.opened(_TOKEN) as channel:
        assert channels.get(_TOKEN) is channel
        with pytest.raises(AlreadyExists):
            async with channels.opened(_TOKEN):
                pass
    with pytest.raises(NotFound):
        channels.get(_TOKEN)
    with pytest.raises(InvalidArgument):
        async with channels.opened("../x"):
            pass


async def test_secrets_are_bounded_and_not_shown() -> None:
    channel = Channel()
    channel.keep_secrets({"a": b"canary"})
    assert "canary" not in repr(channel)
    with pytest.raises(InvalidArgument):
        channel.keep_secrets({"b": b"x" * (5 << 20)})
    assert channel.secrets == {}


async def test_each_connection_to_an_agent_is_used_once() -> None:
    channel = Channel()
    with pytest.raises(NotFound):
        await channel.agent("default")
    offered = [channel.offer("default", Stream()) for _ in range(2)]
    assert [await channel.agent("default") for _ in range(2)] == offered
    for _ in range(64):
        channel.offer("default", Stream())
    with pytest.raises(ResourceExhausted):
        channel.offer("default", Stream())


async def test_a_result_is_given_when_all_of_it_was_taken() -> None:
    channel = Channel()
    giving = asyncio.ensure_future(channel.give(7))
    async with channel.taken() as root:
        assert root == 7
        assert not giving.done()
    await giving


async def test_a_result_that_was_not_taken_whole_is_a_failure() -> None:
    channel = Channel()
    giving = asyncio.ensure_future(channel.give(7))
    with pytest.raises(ConnectionResetError):
        async with channel.taken():
            raise ConnectionResetError
    with pytest.raises(Unavailable):
        await giving


async def test_what_a_channel_has_stays_until_its_build_has_ended(tmp_path: Path) -> None:
    channels, let_go = Channels(KeptContexts(str(tmp_path))), asyncio.Event()
    gone: list[str] = []

    async def client() -> None:
        async with channels.opened(_TOKEN) as channel:
            channel.stack.callback(gone.append, "what it had")
            await let_go.wait()

    opened = asyncio.ensure_future(client())
    await asyncio.sleep(0)
    with channels.get(_TOKEN).used():
        let_go.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not gone
        with pytest.raises(NotFound):
            channels.get(_TOKEN)
    await opened
    assert gone == ["what it had"]
