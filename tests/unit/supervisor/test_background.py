"""Work beside the requests."""

import asyncio
import logging

import pytest

from supervisor.background import Background, work_or_undo


async def test_a_failure_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("oh")

    background = Background()
    with caplog.at_level(logging.ERROR):
        task = background.start(fail(), "the work")
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert "the work failed" in caplog.text


async def test_closing_ends_what_is_left() -> None:
    background = Background()
    task = background.start(asyncio.sleep(60), "sleep")
    await background.aclose()
    assert task.cancelled()


async def test_a_caller_that_leaves_lets_the_work_undo_itself() -> None:
    started, undone = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)  # undoing takes time of its own
            undone.set()

    background = Background()
    caller = asyncio.ensure_future(work_or_undo(background.run(work(), "work")))
    await started.wait()
    caller.cancel()
    await asyncio.wait([caller])
    await asyncio.wait_for(undone.wait(), 5)
