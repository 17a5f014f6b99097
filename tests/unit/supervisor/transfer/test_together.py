import asyncio

import pytest

from supervisor.transfer.together import all_of


async def test_the_first_failure_stops_the_rest_and_is_raised_as_it_is() -> None:
    stopped = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.append(True)

    async def failing() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    with pytest.raises(KeyError):
        await all_of([slow(), failing()])
    assert stopped == [True]


async def test_nothing_to_do_is_done() -> None:
    await all_of([])
