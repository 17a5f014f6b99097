"""One process: its exit is kept and told to everyone."""

import asyncio
import os
from pathlib import Path

import pytest

from proto.errdefs import FailedPrecondition, NotFound
from shim.paths import Bundle
from shim.process import ExecProcess
from shim.reaper import Exit, Reaper
from shim.states import State
from shim.stdio import StdioHost, StdioSpec


@pytest.fixture
async def process(tmp_path: Path) -> ExecProcess:
    """An exec, registered."""
    return ExecProcess("e1", b"{}", StdioSpec(), StdioHost("e1", "ns", Reaper()), Bundle(str(tmp_path)))


async def test_everyone_who_waits_learns_the_exit(process: ExecProcess) -> None:
    """Before and after, any number of times."""
    waiting = [asyncio.ensure_future(process.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    process.ended(Exit(7, 3, 1))
    assert [exit_.status for exit_ in await asyncio.gather(*waiting)] == [3, 3, 3]
    assert (await process.wait()).status == 3


async def test_a_waiter_that_leaves_takes_nothing_along(process: ExecProcess) -> None:
    """Its cancellation is its own."""
    leaving = asyncio.ensure_future(process.wait())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    process.ended(Exit(7, 3, 1))
    assert (await process.wait()).status == 3


async def test_the_first_exit_counts(process: ExecProcess) -> None:
    """A second report changes nothing."""
    process.ended(Exit(7, 3, 1))
    process.ended(Exit(7, 4, 2))
    assert process.exit is not None
    assert (process.exit.status, process.state) == (3, State.STOPPED)


async def test_a_start_that_is_done_after_the_end_leaves_it_stopped(process: ExecProcess) -> None:
    """The end is final."""
    process.ended(Exit(7, 3, 1))
    process.enter("start")
    assert process.state is State.STOPPED


async def test_signals_need_somebody_to_get_them(process: ExecProcess) -> None:
    """Nobody yet, nobody any more."""
    with pytest.raises(FailedPrecondition):
        process.kill(15)
    process.pid = os.getpid()
    process.kill(0)
    process.ended(Exit(os.getpid(), 0, 1))
    with pytest.raises(NotFound, match="process already finished"):
        process.kill(15)
