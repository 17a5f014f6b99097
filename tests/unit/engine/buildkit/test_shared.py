"""Things that builds have together."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from engine.buildkit.shared import Shared
from proto.errdefs import Unavailable


class Maker:
    """Makes names, when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.made = 0
        self.open: list[int] = []

    async def make(self, stack: contextlib.AsyncExitStack) -> int:
        self.made += 1
        number = self.made
        stack.enter_context(self._opened(number))
        await self.may.wait()
        return number

    @contextlib.contextmanager
    def _opened(self, number: int) -> Iterator[None]:
        self.open.append(number)
        try:
            yield
        finally:
            self.open.remove(number)


async def _use(shared: Shared[int], maker: Maker, key: str, until: asyncio.Event) -> int:
    async with shared.of(key, maker.make) as found:
        await until.wait()
        return found


async def test_two_who_ask_at_once_have_one_and_it_goes_with_the_last() -> None:
    shared, maker, first, second = Shared[int](), Maker(), asyncio.Event(), asyncio.Event()
    uses = [asyncio.ensure_future(_use(shared, maker, "a", end)) for end in (first, second)]
    maker.may.set()
    first.set()
    assert await uses[0] == 1
    assert maker.open == [1]
    second.set()
    assert await uses[1] == 1
    assert maker.open == []
    assert await _use(shared, maker, "a", first) == 2


async def test_other_keys_are_other_things() -> None:
    shared, maker, end = Shared[int](), Maker(), asyncio.Event()
    maker.may.set()
    end.set()

    assert await asyncio.gather(*(_use(shared, maker, key, end) for key in "ab")) == [1, 2]


async def test_who_leaves_while_it_is_made_takes_it_from_nobody_else() -> None:
    shared, maker, end = Shared[int](), Maker(), asyncio.Event()
    uses = [asyncio.ensure_future(_use(shared, maker, "a", end)) for _ in range(2)]
    await asyncio.sleep(0)
    uses[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await uses[0]
    maker.may.set()
    end.set()
    assert await uses[1] == 1


async def test_when_all_leave_it_is_given_up() -> None:
    shared, maker, end = Shared[int](), Maker(), asyncio.Event()
    use = asyncio.ensure_future(_use(shared, maker, "a", end))
    for _ in range(3):
        await asyncio.sleep(0)
    assert maker.open == [1]
    use.cancel()
    with pytest.raises(asyncio.CancelledError):
        await use
    assert maker.open == []


async def test_a_failure_is_everybodys_and_the_next_tries_again() -> None:
    shared, maker, end = Shared[int](), Maker(), asyncio.Event()

    async def fail(stack: contextlib.AsyncExitStack) -> int:
        raise Unavailable("gone")

    for _ in range(2):
        with pytest.raises(Unavailable):
            async with shared.of("a", fail):
                pass
    maker.may.set()
    end.set()
    assert await _use(shared, maker, "a", end) == 1
