"""Threads that are waited for."""

import asyncio
import threading

import pytest

from engine.builder.threads import finish


async def test_the_result_and_the_failure_come_through() -> None:
    assert await finish(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await finish(divmod, 7, 0)


async def test_a_cancelled_one_ends_before_its_caller() -> None:
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(5)
        ended.set()

    task = asyncio.ensure_future(finish(work))
    await asyncio.to_thread(begun.wait, 5)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
