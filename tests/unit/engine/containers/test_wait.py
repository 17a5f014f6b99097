"""Waiting."""

import pytest

from engine.containers import kill, wait
from engine.containers.live import Ended
from proto.errdefs import InvalidArgument
from tests.fakes.engine_room import Bench


async def test_what_does_not_run_is_answered_at_once(bench: Bench) -> None:
    live = await bench.create()
    assert wait.begin(live, "").result() == Ended(0)


async def test_the_next_exit_is_waited_for_even_before_the_start(bench: Bench) -> None:
    from engine.containers import start

    live = await bench.create()
    result = wait.begin(live, "next-exit")
    await start.start(bench.room, live)
    await kill.kill(bench.room, live)
    assert (await result).exit_code == 137


async def test_an_unknown_condition_is_refused(bench: Bench) -> None:
    live = await bench.create()
    with pytest.raises(InvalidArgument, match='invalid condition: "soon"'):
        wait.begin(live, "soon")


async def test_a_client_that_left_is_forgotten(bench: Bench) -> None:
    live = await bench.create()
    result = wait.begin(live, "removed")
    wait.give_up(live, result)
    assert live.waiters == []
