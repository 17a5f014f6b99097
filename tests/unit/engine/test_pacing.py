"""Many works at once, a few steps in each round of the loop."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from engine import pacing
from engine.pacing import Pace


@pytest.fixture
def rounds() -> Iterator[Callable[[], int]]:
    """How many rounds the loop has made: what is called soon is called in the next one."""
    made = 0
    going = True

    def count() -> None:
        nonlocal made
        made += 1
        if going:
            asyncio.get_running_loop().call_soon(count)

    def read() -> int:
        if not made:
            count()
        return made

    yield read
    going = False


def _most_of_a_round(steps: list[int]) -> int:
    return max(steps.count(turn) for turn in set(steps))


async def test_so_many_steps_are_made_in_a_round_and_in_their_order(rounds: Callable[[], int]) -> None:
    """A round is what the loop does before it looks for what is new."""
    pace, steps, begun = Pace(per_round=3), list[int](), list[int]()

    async def work(number: int) -> int:
        begun.append(number)
        for _ in range(5):
            steps.append(rounds())
            await asyncio.sleep(0)
        return number

    assert await asyncio.gather(*(pace.steps(work(number)) for number in range(20))) == list(range(20))
    assert begun == list(range(20))
    assert _most_of_a_round(steps) <= 3 + 1  # the counter may come before the turns or after them


async def test_one_alone_does_not_wait() -> None:
    """Not a round of the loop."""
    pace, done = Pace(per_round=1), False

    async def work() -> None:
        nonlocal done
        done = True

    task = asyncio.ensure_future(pace.steps(work()))
    await asyncio.sleep(0)
    assert done
    await task


async def test_results_and_errors_are_those_of_the_work() -> None:
    pace = Pace(per_round=1)

    async def fails(wait: Awaitable[Any]) -> None:
        await wait
        raise LookupError("lost")

    async def catches() -> str:
        try:
            await fails(asyncio.sleep(0))
        except LookupError as error:
            return str(error)
        return ""

    assert await pace.steps(catches()) == "lost"
    with pytest.raises(LookupError):
        await pace.steps(fails(asyncio.sleep(0.001)))


async def test_who_is_cancelled_while_it_waits_takes_nobodys_turn() -> None:
    pace, ended = Pace(per_round=1), list[str]()

    async def work(name: str) -> None:
        try:
            for _ in range(3):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            ended.append(f"{name} cancelled")
            raise
        ended.append(name)

    first, left, last = (asyncio.ensure_future(pace.steps(work(name))) for name in ("first", "left", "last"))
    never = asyncio.ensure_future(pace.steps(work("never")))
    never.cancel()  # before it has begun
    for _ in range(4):
        await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait_for(asyncio.gather(first, last), 30)
    assert left.cancelled()
    assert never.cancelled()
    assert sorted(ended) == ["first", "last", "left cancelled"]


async def test_a_time_limit_ends_work_that_waits_for_its_turn() -> None:
    pace = Pace(per_round=1)

    async def limited() -> None:
        async with asyncio.timeout(0.01):
            while True:
                await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        await pace.steps(limited())


async def test_tasks_of_an_installed_pace_are_work_but_where_it_is_exempt(rounds: Callable[[], int]) -> None:
    pace, loop, steps = Pace(per_round=2), asyncio.get_running_loop(), list[int]()
    pace.install(loop)

    async def work() -> None:
        for _ in range(4):
            steps.append(rounds())
            await asyncio.sleep(0)

    async def inner() -> None:
        await asyncio.gather(work(), work())

    try:
        await asyncio.gather(*(inner() for _ in range(8)))
        assert _most_of_a_round(steps) <= 2 + 1
        steps.clear()

        async def free() -> None:
            pacing.exempt()
            await asyncio.gather(*(work() for _ in range(8)))

        await loop.create_task(free())
        assert _most_of_a_round(steps) >= 7
    finally:
        loop.set_task_factory(None)
