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
