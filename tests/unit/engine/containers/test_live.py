"""The living half."""

import asyncio

from engine.containers.live import Ended, Live, Waiter
from tests.fakes.engine_room import container


async def test_waking_answers_those_of_the_condition_once() -> None:
    live = Live(container())
    live.container.state.exit_code = 3
    loop = asyncio.get_running_loop()
    waiters = [Waiter("removed", loop.create_future()), Waiter("next-exit", loop.create_future())]
    live.waiters = list(waiters)
    live.wake("next-exit")
    assert waiters[1].result.result() == Ended(3)
    assert live.waiters == waiters[:1]


async def test_a_change_wakes_and_the_next_one_is_another() -> None:
    live = Live(container())
    before = live.changed
    live.notify()
    assert before.is_set()
    assert not live.changed.is_set()
