"""Those who wait for a container."""

import asyncio

from engine.containers.live import Ended, Live, Waiter
from tests.fakes.engine_room import container


async def test_only_waiters_of_the_condition_are_woken_and_once() -> None:
    """They learn the exit code of the moment."""
    live = Live(container())
    loop = asyncio.get_running_loop()
    stopped, removed = Waiter("not-running", loop.create_future()), Waiter("removed", loop.create_future())
    live.waiters += [stopped, removed]
    live.container.state.exit_code = 3
    live.wake("not-running", "next-exit")
    live.container.state.exit_code = 4
    live.wake("not-running")
    assert stopped.result.result() == Ended(3)
    assert not removed.result.done()
    assert live.waiters == [removed]


async def test_a_waiter_whose_client_has_gone_is_no_error() -> None:
    """Its future was cancelled with the request."""
    live = Live(container())
    gone = Waiter("removed", asyncio.get_running_loop().create_future())
    gone.result.cancel()
    live.waiters.append(gone)
    live.wake("removed")
    assert live.waiters == []


async def test_a_notice_reaches_those_who_wait_now_and_not_those_who_come_later() -> None:
    """Each change has an event of its own."""
    live = Live(container())
    before = live.changed
    live.notify()
    assert before.is_set()
    assert live.changed is not before
    assert not live.changed.is_set()
