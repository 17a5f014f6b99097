"""Blocking work in a thread that nobody abandons: a cancelled build waits for its copies before it unmounts."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


async def finish(work: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
    """Run it; cancellation comes through when it has ended."""
    return await finished(asyncio.ensure_future(asyncio.to_thread(work, *arguments, **options)))


async def finished(running: "asyncio.Future[Result]") -> Result:
    """The end of work that a thread does already."""
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # retrieved: the cancellation is what is told
        raise
