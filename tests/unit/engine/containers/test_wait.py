"""Waiting."""

import pytest

from engine.containers import kill, remove, start, wait
from engine.containers.live import Ended
from proto.errdefs import Fault, InvalidArgument
from tests.fakes.engine_room import Bench


async def test_what_does_not_run_is_answered_at_once(bench: Bench) -> None:
    live = await bench.create()
    assert wait.begin(live, "").result() == Ended(0)


async def test_the_next_exit_is_waited_for_even_before_the_start(bench: Bench) -> None:
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


async def test_a_container_between_two_lives_is_waited_for(bench: Bench) -> None:
    """It counts as running."""
    live = await bench.create()
    live.container.state.status = "restarting"
    assert not wait.begin(live, "not-running").done()


async def test_a_removal_answers_whoever_waits_for_anything(bench: Bench) -> None:
    """With the last exit code."""
    live = await bench.create()
    live.container.state.exit_code = 6
    results = [wait.begin(live, condition) for condition in ("next-exit", "removed")]
    await remove.remove(bench.room, live)
    assert [result.result() for result in results] == [Ended(6), Ended(6)]


async def test_a_failed_start_answers_with_its_exit_code(bench: Bench) -> None:
    """`docker run` asks before it starts."""
    live = await bench.create()
    result = wait.begin(live, "next-exit")
    bench.tasks.refuse["create"] = Fault('exec: "nope": executable file not found in $PATH')
    with pytest.raises(Fault):
        await start.start(bench.room, live)
    assert result.result() == Ended(127)
