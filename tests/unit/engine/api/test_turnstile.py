"""Many at once, a few in each round of the loop."""

import asyncio

from engine.api.turnstile import Turnstile


async def test_so_many_begin_in_a_round_and_in_their_order() -> None:
    """A round is what the loop does before it looks for what is new."""
    turnstile, rounds, began = Turnstile(per_round=3), 0, list[tuple[int, int]]()

    async def count() -> None:
        nonlocal rounds
        while len(began) < 20:
            rounds += 1
            await asyncio.sleep(0)

    async def one(number: int) -> None:
        await turnstile.enter()
        began.append((number, rounds))

    await asyncio.gather(count(), *(one(number) for number in range(20)))
    assert [number for number, _ in began] == list(range(20))
    per_round = [sum(at == turn for _, at in began) for turn in {at for _, at in began}]
    assert max(per_round) <= 3 + 1  # a turn of the turnstile and of the counter may change places
    assert rounds >= 6


async def test_one_alone_does_not_wait() -> None:
    """Not a round of the loop."""
    turnstile = Turnstile(per_round=1)
    for _ in range(3):
        begun = asyncio.ensure_future(turnstile.enter())
        await asyncio.sleep(0)
        assert begun.done()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_who_left_takes_nobodys_turn() -> None:
    turnstile = Turnstile(per_round=1)
    first, left, last = (asyncio.ensure_future(turnstile.enter()) for _ in range(3))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait_for(asyncio.gather(first, last), 30)
    assert left.cancelled()
