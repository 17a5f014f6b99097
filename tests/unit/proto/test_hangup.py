"""Noticing a peer that has gone."""

import asyncio
import socket

import pytest

from proto.hangup import hung_up


@pytest.fixture
def ends() -> "tuple[socket.socket, socket.socket]":
    return socket.socketpair()


async def test_a_close_is_noticed_and_the_end_of_input_is_none(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    with ours:
        watching = asyncio.ensure_future(hung_up(ours.fileno()))
        with theirs:
            theirs.sendall(b"unread")
            theirs.shutdown(socket.SHUT_WR)
            done, _ = await asyncio.wait([watching], timeout=0.05)
            assert not done
        async with asyncio.timeout(30):
            await watching


async def test_a_watch_that_is_given_up_leaves_nothing_behind(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    with ours, theirs:
        watching = asyncio.ensure_future(hung_up(ours.fileno()))
        await asyncio.sleep(0)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching
