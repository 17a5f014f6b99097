"""Renaming."""

import asyncio

import pytest

from engine.containers import rename
from engine.containers.store import ContainerStore
from proto.errdefs import Conflict, InvalidArgument
from tests.fakes.engine_room import Bench


async def test_a_new_name_finds_the_container_and_the_old_one_is_free(bench: Bench) -> None:
    live = await bench.create("old")
    await rename.rename(bench.room, live, "/new")
    assert bench.room.registry.find("new") is live
    bench.room.registry.require_free("old")
    assert bench.actions[-1] == "rename"


async def test_refusals(bench: Bench) -> None:
    live = await bench.create("one")
    await bench.create("two")
    with pytest.raises(Conflict, match="Error when allocating new name: Conflict"):
        await rename.rename(bench.room, live, "two")
    with pytest.raises(InvalidArgument, match="Error when allocating new name: Invalid container name"):
        await rename.rename(bench.room, live, "@")
    with pytest.raises(InvalidArgument, match="same name"):
        await rename.rename(bench.room, live, "one")
    with pytest.raises(InvalidArgument, match="may be empty"):
        await rename.rename(bench.room, live, "")


async def test_a_new_name_survives_the_engine_and_the_old_one_is_told(bench: Bench) -> None:
    """Clients follow by events."""
    live = await bench.create("old")
    await rename.rename(bench.room, live, "new")
    event = bench.room.bus._ring[-1]
    assert (event.action, event.attributes["oldName"], event.attributes["name"]) == ("rename", "/old", "new")
    assert ContainerStore(bench.connection).load()[0].name == "new"


async def test_of_many_renames_to_one_name_one_wins(bench: Bench) -> None:
    """And the others keep theirs."""
    lives = [await bench.create(f"c{number}") for number in range(5)]
    results = await asyncio.gather(*(rename.rename(bench.room, live, "new") for live in lives), return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert len({live.container.name for live in lives}) == 5
