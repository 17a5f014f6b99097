"""Background work."""

import asyncio
import logging

import pytest

from engine.background import Background


async def test_a_failure_is_logged_with_the_works_name(caplog: pytest.LogCaptureFixture) -> None:
    background = Background()

    async def fail() -> None:
        raise ValueError("no")

    with caplog.at_level(logging.ERROR):
        background.spawn("the work", fail())
        await asyncio.sleep(0.01)
    assert "the work" in caplog.text


async def test_closing_cancels_what_is_left() -> None:
    background = Background()
    task = background.spawn("sleep", asyncio.sleep(100))
    await background.close()
    assert task.cancelled()


async def test_a_cancelled_work_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody wanted it so."""
    background = Background()
    task = background.spawn("sleep", asyncio.sleep(100))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)
    assert caplog.text == ""


async def test_work_that_has_ended_is_let_go() -> None:
    """Ten thousand requests leave nothing behind."""
    background = Background()
    for _ in range(100):
        await background.spawn("nothing", asyncio.sleep(0))
    await asyncio.sleep(0)
    assert not background._tasks
