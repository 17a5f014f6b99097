"""When to collect: soon after something was removed, after many mutations, on request; never too much of the time.

The same measure as containerd's: pauses may take `pause_threshold` of the time, so after a run of average length `t`
comes a rest of `t / pause_threshold - t`. A request (`collect`) runs at once, and one run serves all who asked before
it began.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from supervisor.core.collection import CollectionStats

logger = logging.getLogger(__name__)

_LEAST_RUN = 0.005
_RETRY_AFTER = 0.5


@dataclass(frozen=True, slots=True)
class SchedulerConfig:
    """containerd's `[plugins."io.containerd.gc.v1.scheduler"]`; times in seconds, a threshold of 0 is off."""

    pause_threshold: float = 0.02
    deletion_threshold: int = 0
    mutation_threshold: int = 100
    schedule_delay: float = 0.0
    startup_delay: float = 0.1


class CollectionFailed(Exception):
    """The run that was waited for failed; the log says why."""


class Scheduler:
    """A Collector in front of `run`, which blocks and is given a thread."""

    def __init__(self, run: Callable[[], CollectionStats], config: SchedulerConfig | None = None) -> None:
        self._run = run
        self._config = config or SchedulerConfig()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._wake = asyncio.Event()
        self._waiters: list[asyncio.Future[CollectionStats]] = []
        self._deletions = 0
        self._mutations = 0
        self._next = 0.0  # monotonic; when a run is due
        self._interval = 1.0
        self._runs = 0
        self._pauses = 0.0

    def mutated(self, references_removed: bool) -> None:
        """The database's listener, called from any thread."""
        if threading.get_ident() == self._thread:
            self._count(references_removed)
        elif self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._count, references_removed)

    async def collect(self) -> CollectionStats:
        waiter: asyncio.Future[CollectionStats] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._wake.set()
        return await waiter

    async def serve(self) -> None:
        """Run until cancelled."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._next = time.monotonic() + self._config.startup_delay
        try:
            await self._pause(startup=True)
            while True:
                await self._collect_once()
                await self._pause(startup=False)
        finally:
            for waiter in self._waiters:
                waiter.cancel()

    def _count(self, references_removed: bool) -> None:
        self._mutations += 1
        self._deletions += references_removed
        if self._wanted():
            self._wake.set()

    def _urgent(self) -> bool:
        threshold = self._config.deletion_threshold
        return bool(self._waiters) or bool(threshold and self._deletions >= threshold)

    def _wanted(self) -> bool:
        threshold = self._config.mutation_threshold
        return self._deletions > 0 or bool(threshold and self._mutations >= threshold) or self._urgent()

    async def _pause(self, *, startup: bool) -> None:
        """Until a run is wanted and due; an idle daemon sleeps without a timer."""
        while True:
            rest = max(0.0, self._next - time.monotonic()) if startup or self._wanted() else None
            try:
                async with asyncio.timeout(rest):
                    await self._wake.wait()
            except TimeoutError:
                return
            self._wake.clear()
            if self._urgent():
                self._next = min(self._next, time.monotonic() + self._config.schedule_delay)

    async def _collect_once(self) -> None:
        waiters, self._waiters = self._waiters, []
        self._deletions = self._mutations = 0
        began = time.monotonic()
        try:
            stats = await asyncio.to_thread(self._run)
        except asyncio.CancelledError:
            self._waiters += waiters
            raise
        except Exception:
            logger.exception("garbage collection failed")
            self._next = time.monotonic() + (self._interval if self._runs else 0.0) + _RETRY_AFTER
            self._deletions += 1  # what was to be collected still is
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(CollectionFailed("gc failed"))
            return
        self._plan_next(time.monotonic() - began)
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(stats)

    def _plan_next(self, taken: float) -> None:
        self._runs += 1
        self._pauses += taken
        if self._config.pause_threshold > 0:
            average = max(self._pauses / self._runs, _LEAST_RUN)
            self._interval = average / min(self._config.pause_threshold, 0.5) - average
        self._next = time.monotonic() + self._interval
