"""Exits reach whoever watches, also those that come too early."""

import asyncio

from shim.reaper import Exit, Reaper


async def test_an_exit_reaches_its_watcher() -> None:
    """And only once."""
    reaper, seen = Reaper(), []
    reaper.watch(7, seen.append)
    reaper.deliver(Exit(7, 3, 1))
    reaper.deliver(Exit(7, 4, 2))
    assert [(exit_.pid, exit_.status) for exit_ in seen] == [(7, 3)]


async def test_an_early_exit_waits_while_a_process_is_expected() -> None:
    """The runtime tells the pid after the process may have ended."""
    reaper, seen = Reaper(), []
    with reaper.expects():
        reaper.deliver(Exit(7, 3, 1))
        reaper.watch(7, seen.append)
    assert [exit_.status for exit_ in seen] == [3]


async def test_an_exit_that_nobody_expects_is_forgotten() -> None:
    """Orphans of containers end all the time, and pids come again."""
    reaper, seen = Reaper(), []
    reaper.deliver(Exit(7, 3, 1))
    with reaper.expects():
        reaper.deliver(Exit(8, 3, 1))
    reaper.watch(7, seen.append)
    reaper.watch(8, seen.append)
    assert seen == []


async def test_waiting_for_a_child() -> None:
    """The exit is the answer."""
    reaper = Reaper()
    waiting = asyncio.ensure_future(reaper.wait(7))
    await asyncio.sleep(0)
    reaper.deliver(Exit(7, 137, 0))
    assert (await waiting).status == 137
