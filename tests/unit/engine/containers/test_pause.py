"""Pausing and unpausing."""

import pytest

from engine.containers import pause
from engine.containers.store import ContainerStore
from proto.errdefs import Conflict, Fault, Internal
from tests.fakes.engine_room import Bench


async def test_there_and_back(bench: Bench) -> None:
    live = await bench.run()
    await pause.pause(bench.room, live)
    assert live.container.state.status == "paused"
    await pause.unpause(bench.room, live)
    assert live.container.state.status == "running"
    assert bench.actions[-2:] == ["pause", "unpause"]


async def test_what_is_paused_is_not_paused_again_and_what_runs_not_unpaused(bench: Bench) -> None:
    live = await bench.run()
    with pytest.raises(Internal, match="is not paused"):
        await pause.unpause(bench.room, live)
    await pause.pause(bench.room, live)
    with pytest.raises(Conflict, match="already paused"):
        await pause.pause(bench.room, live)


async def test_a_refusal_from_below_changes_nothing(bench: Bench) -> None:
    live = await bench.run()
    bench.tasks.refuse["pause"] = Fault("frozen solid")
    with pytest.raises(Fault, match=r"cannot pause container .*: frozen solid"):
        await pause.pause(bench.room, live)
    assert live.container.state.status == "running"


@pytest.mark.parametrize("status", ["created", "exited", "dead", "restarting"])
async def test_what_has_no_processes_is_not_paused(bench: Bench, status: str) -> None:
    """409, and below nobody is asked."""
    live = await bench.create()
    live.container.state.status = status
    with pytest.raises(Conflict):
        await pause.pause(bench.room, live)
    assert bench.tasks.calls == []


async def test_a_pause_survives_the_engine(bench: Bench) -> None:
    """It is in the record."""
    live = await bench.run()
    await pause.pause(bench.room, live)
    assert ContainerStore(bench.connection).load()[0].state.status == "paused"


async def test_an_unpause_that_fails_leaves_it_paused(bench: Bench) -> None:
    """With the reason."""
    live = await bench.run()
    await pause.pause(bench.room, live)
    bench.tasks.refuse["resume"] = Fault("frozen solid")
    with pytest.raises(Fault, match=r"cannot unpause container .*: frozen solid"):
        await pause.unpause(bench.room, live)
    assert live.container.state.status == "paused"
