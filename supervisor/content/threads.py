"""Blocking work off the event loop, in threads of its own kind: long copies must not take the short calls' threads.

The caller's context variables (its lease) go along. Cancelling the awaiting task does not stop the thread: what runs
here ends by itself, or looks at a flag.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_POOL = ThreadPoolExecutor(max_workers=32, thread_name_prefix="blocking")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a thread and wait for it."""
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_POOL, lambda: context.run(work, *args, **kwargs))
