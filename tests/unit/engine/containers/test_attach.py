"""Attaching before and after the start."""

import asyncio

import pytest

from engine.containers import attach, remove, start
from proto.errdefs import Conflict, NotFound, Unavailable
from tests.fakes.engine_room import Bench


async def test_who_attaches_before_the_start_is_joined_by_it(bench: Bench) -> None:
    live = await bench.create()
    joining = asyncio.ensure_future(attach.join(live, stdin=True, stdout=True, stderr=True))
    await asyncio.sleep(0)
    await start.start(bench.room, live)
    attachment = await joining
    assert attachment is not None
    assert live.attachers == []


async def test_who_leaves_before_is_forgotten(bench: Bench) -> None:
    live = await bench.create()
    joining = asyncio.ensure_future(attach.join(live, stdin=False, stdout=True, stderr=True))
    await asyncio.sleep(0)
    joining.cancel()
    await asyncio.gather(joining, return_exceptions=True)
    assert live.attachers == []


async def test_who_leaves_in_the_moment_of_the_start_keeps_no_stream_open(bench: Bench) -> None:
    class Streams:
        closed = False

        def close(self) -> None:
            self.closed = True

    live = await bench.create()
    joining = asyncio.ensure_future(attach.join(live, stdin=False, stdout=True, stderr=True))
    await asyncio.sleep(0)
    streams = Streams()
    live.attachers[0].joined.set_result(streams)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    assert streams.closed


async def test_a_running_container_is_joined_at_once_and_a_paused_one_refused(bench: Bench) -> None:
    live = await bench.run()
    assert await attach.join(live, stdin=False, stdout=True, stderr=False) is not None
    live.container.state.status = "paused"
    with pytest.raises(Conflict, match="unpause the container before attach"):
        attach.require(live)
    live.container.state.status = "running"


async def test_input_is_taken_only_where_the_container_reads(bench: Bench) -> None:
    """A client may ask for it in vain."""
    live = await bench.create()
    joining = asyncio.ensure_future(attach.join(live, stdin=True, stdout=True, stderr=True))
    await asyncio.sleep(0)
    assert live.attachers[0].stdin is False
    joining.cancel()
    await asyncio.gather(joining, return_exceptions=True)


async def test_streams_that_have_just_ended_are_none(bench: Bench) -> None:
    """The exit is told elsewhere."""

    class Ended:
        names = None

        async def attach(self, **wanted: bool) -> None:
            raise Unavailable("the container's streams have ended")

        def close(self) -> None: ...

    live = await bench.run()
    stdio, live.stdio = live.stdio, Ended()  # type: ignore[assignment]
    assert await attach.join(live, stdin=False, stdout=True, stderr=True) is None
    live.stdio = stdio


async def test_who_waits_for_a_container_that_is_removed_hears_of_it(bench: Bench) -> None:
    """Else the connection would stay for ever."""
    live = await bench.create()
    joining = asyncio.ensure_future(attach.join(live, stdin=False, stdout=True, stderr=True))
    await asyncio.sleep(0)
    await remove.remove(bench.room, live)
    with pytest.raises(NotFound):
        await joining


@pytest.mark.parametrize("status", ["paused", "restarting"])
async def test_states_in_which_nobody_can_attach(bench: Bench, status: str) -> None:
    """409 before the connection is taken over."""
    live = await bench.create()
    live.container.state.status = status
    with pytest.raises(Conflict):
        attach.require(live)
