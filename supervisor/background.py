"""Long-lived work beside the requests: named tasks with one owner, whose failures are logged and never lost.

A task of asyncio that nobody refers to may be collected while it runs; everything that outlives a request starts here.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class Background:
    """The tasks of one daemon; `aclose` ends those that are left."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Result], name: str) -> asyncio.Task[Result]:
        """Run work that nobody waits for; its failure is logged."""
        task = self.run(work, name)
        task.add_done_callback(_log_failure)
        return task

    def run(self, work: Coroutine[Any, Any, Result], name: str) -> asyncio.Task[Result]:
        """Run work whose result somebody takes, or shields from being cut off by their own leaving."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as seen: the one who waits may have left

    async def aclose(self) -> None:
        """Cancel what still runs and wait for it."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("%s failed", task.get_name(), exc_info=task.exception())


async def work_or_undo(work: asyncio.Task[Result]) -> Result:
    """Await work that undoes itself when cancelled: the caller may leave, but the undoing is not cut short."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        work.cancel()
        raise
