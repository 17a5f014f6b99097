"""A disturbance is repaired, one after the other, whatever comes meanwhile."""

import asyncio

from engine.networks.watch import Watch

ROUTE = 0


class Counting(Watch):
    """Its announcements are words; a repair is let go by the test."""

    protocol, groups = ROUTE, 0

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.may_end = asyncio.Event()

    def disturbs(self, data: bytes | None) -> bool:
        return data != b"quiet"

    async def repair(self) -> None:
        self.begun += 1
        await self.may_end.wait()


async def until(watch: Counting, begun: int) -> None:
    async with asyncio.timeout(30):
        while watch.begun < begun:
            await asyncio.sleep(0.01)


async def test_what_is_announced_during_a_repair_is_repaired_after_it() -> None:
    watch = Counting()
    watch.start()
    try:
        watch.hear(b"quiet")
        watch.hear(None)
        watch.hear(b"loud")
        await until(watch, 1)
        watch.hear(b"loud")
        await asyncio.sleep(0.1)
        assert watch.begun == 1
        watch.may_end.set()
        await until(watch, 2)
    finally:
        await watch.close()


async def test_a_watch_that_never_began_can_be_closed() -> None:
    await Counting().close()
