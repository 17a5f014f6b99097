import asyncio
import threading
import time

import pytest

from proto.errdefs import Cancelled
from supervisor.content.threads import Stop, in_stoppable_thread, in_thread
from supervisor.core.leases import current_lease


async def test_work_runs_elsewhere_under_the_callers_lease() -> None:
    current_lease.set("mine")
    thread, lease = await in_thread(lambda: (threading.get_ident(), current_lease.get()))
    assert thread != threading.get_ident()
    assert lease == "mine"


async def test_a_failure_comes_back() -> None:
    with pytest.raises(KeyError):
        await in_thread({}.__getitem__, "missing")


async def test_long_work_stops_before_its_caller_is_cancelled() -> None:
    ended = []

    def work(stop: Stop) -> None:
        try:
            while True:
                stop.check()
                time.sleep(0.01)
        except Cancelled:
            ended.append(True)
            raise

    task = asyncio.ensure_future(in_stoppable_thread(work))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


async def test_work_that_is_not_stopped_gives_its_result_or_its_failure() -> None:
    assert await in_stoppable_thread(lambda _stop: 5) == 5
    with pytest.raises(KeyError):
        await in_stoppable_thread(lambda _stop: {}["x"])
