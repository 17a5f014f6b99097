"""Sessions are found by their ids, also by those who ask too early."""

import asyncio

import pytest

from engine.buildkit.caller import Caller
from engine.buildkit.sessions import Sessions
from proto.errdefs import AlreadyExists, InvalidArgument, NotFound


async def test_a_session_is_there_as_long_as_it_is_open() -> None:
    sessions = Sessions()
    caller = Caller("one")
    async with sessions.opened(caller):
        assert await sessions.get("one") is caller
        assert await sessions.get("context:one") is caller
    with pytest.raises(NotFound, match="no active session for one"):
        await sessions.get("one", patience=0.01)


async def test_who_comes_before_it_waits_for_it() -> None:
    sessions = Sessions()
    waiting = asyncio.create_task(sessions.get("late", patience=30))
    await asyncio.sleep(0)
    async with sessions.opened(Caller("other")):
        await asyncio.sleep(0)
        assert not waiting.done()
        caller = Caller("late")
        async with sessions.opened(caller):
            assert await waiting is caller


async def test_an_id_is_taken_once() -> None:
    sessions = Sessions()
    async with sessions.opened(Caller("one")):
        with pytest.raises(AlreadyExists):
            sessions.require_free("one")
    sessions.require_free("one")


@pytest.mark.parametrize("identity", ["", "x" * 300])
async def test_an_id_that_is_none_is_refused(identity: str) -> None:
    with pytest.raises(InvalidArgument):
        Sessions().require_free(identity)


async def test_closing_ends_them_all() -> None:
    class Closing(Caller):
        ended = False

        def close(self) -> None:
            self.ended = True

    sessions = Sessions()
    caller = Closing("one")
    async with sessions.opened(caller):
        sessions.close()
    assert caller.ended
