"""When the collector runs."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

import pytest

from supervisor.core.collection import CollectionStats
from supervisor.metadata.scheduler import CollectionFailed, Scheduler, SchedulerConfig


class Runs:
    """A collector that counts."""

    def __init__(self) -> None:
        self.count = 0
        self.fails = False
        self.changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def run(self) -> CollectionStats:
        self.count += 1
        self._loop.call_soon_threadsafe(self.changed.set)
        if self.fails:
            raise OSError("disk on fire")
        return CollectionStats(self.count)

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(5):
            while self.count < count:
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def serving(config: SchedulerConfig) -> AsyncIterator[tuple[Scheduler, Runs]]:
    runs = Runs()
    scheduler = Scheduler(runs.run, config)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(scheduler.serve())
        await asyncio.sleep(0)
        yield scheduler, runs
        task.cancel()


LATER = 3600.0


async def test_it_runs_once_after_the_start() -> None:
    """To take the measure, and what a crash left."""
    async with serving(SchedulerConfig(startup_delay=0.01)) as (_, runs):
        await runs.reach(1)
        await asyncio.sleep(0.05)
        assert runs.count == 1


async def test_a_request_runs_at_once_and_one_run_serves_all() -> None:
    """The answer is that run's."""
    async with serving(SchedulerConfig(startup_delay=LATER)) as (scheduler, runs):
        stats = await asyncio.gather(*(scheduler.collect() for _ in range(5)))
        assert runs.count == 1
        assert {stat.removed for stat in stats} == {1}
        assert (await scheduler.collect()).removed == 2


async def test_a_deletion_is_followed_by_a_run_after_the_rest() -> None:
    """A mutation that removes no reference is not, until there are many."""
    config = SchedulerConfig(startup_delay=0.0, pause_threshold=0.5, mutation_threshold=3)
    async with serving(config) as (scheduler, runs):
        await runs.reach(1)
        scheduler.mutated(False)
        scheduler.mutated(False)
        await asyncio.sleep(0.05)
        assert runs.count == 1
        scheduler.mutated(True)
        await runs.reach(2)
        for _ in range(3):
            scheduler.mutated(False)
        await runs.reach(3)


async def test_the_deletion_threshold_cuts_the_rest_short() -> None:
    """From whatever thread the deletions come."""
    config = SchedulerConfig(startup_delay=LATER, deletion_threshold=2)
    async with serving(config) as (scheduler, runs):
        for _ in range(2):
            thread = threading.Thread(target=scheduler.mutated, args=(True,))
            thread.start()
            thread.join()
        await runs.reach(1)


async def test_a_failed_run_is_told_and_tried_again() -> None:
    """Whoever waited hears of it; the next request is served."""
    async with serving(SchedulerConfig(startup_delay=LATER)) as (scheduler, runs):
        runs.fails = True
        with pytest.raises(CollectionFailed):
            await scheduler.collect()
        runs.fails = False
        assert (await scheduler.collect()).removed == 2


async def test_a_failed_run_is_repeated_unasked() -> None:
    """After a rest."""
    async with serving(SchedulerConfig(startup_delay=LATER, pause_threshold=0.5)) as (scheduler, runs):
        runs.fails = True
        with pytest.raises(CollectionFailed):
            await scheduler.collect()
        runs.fails = False
        await runs.reach(2)


async def test_an_idle_daemon_is_left_alone() -> None:
    """Not even a timer runs."""
    async with serving(SchedulerConfig(startup_delay=0.0)) as (_, runs):
        await runs.reach(1)
        await asyncio.sleep(0.02)
        loop = asyncio.get_running_loop()
        assert not [timer for timer in getattr(loop, "_scheduled", []) if not timer.cancelled()]


async def test_who_left_is_not_answered() -> None:
    """And disturbs nobody."""
    async with serving(SchedulerConfig(startup_delay=LATER)) as (scheduler, runs):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await scheduler.collect()
        await scheduler.collect()
        assert runs.count >= 1


async def test_mutations_before_it_serves_are_nothing_to_it() -> None:
    """The start finds them anyway."""
    scheduler = Scheduler(CollectionStats)
    scheduler.mutated(True)
