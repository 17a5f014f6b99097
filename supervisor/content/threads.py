"""Blocking work off the event loop, in threads of its own kind: long copies must not take the short calls' threads.

The caller's context variables (its lease) go along. Cancelling the awaiting task does not stop a thread: short work
ends by itself, long work is given a `Stop` to look at, and its caller is only cancelled once the thread has ended:
whoever cleans up behind it must not find it still writing.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from proto.errdefs import Cancelled

P = ParamSpec("P")
T = TypeVar("T")

_POOL = ThreadPoolExecutor(max_workers=32, thread_name_prefix="blocking")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a thread and wait for it."""
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_POOL, lambda: context.run(work, *args, **kwargs))


class Stop:
    """Says whether long work in a thread is still wanted."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """It is not."""
        self._event.set()

    def check(self) -> None:
        """Cancelled, when it is not."""
        if self._event.is_set():
            raise Cancelled("context canceled")


async def in_stoppable_thread(work: Callable[[Stop], T]) -> T:
    """Run long work; when the caller is cancelled, tell the work to stop and wait until it has."""
    stop = Stop()
    running = asyncio.ensure_future(in_thread(work, stop))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait((running,))
        if not running.cancelled():
            running.exception()  # looked at, so that nobody complains that it was not
        raise
