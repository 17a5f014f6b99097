"""Pruning."""

import pytest

from engine.containers import prune
from engine.filters import Filters
from proto.errdefs import InvalidArgument
from tests.fakes.engine_room import Bench


async def test_what_does_not_run_goes_and_its_size_is_told(bench: Bench) -> None:
    stopped = await bench.create("one")
    await bench.run("two")
    done = await prune.prune(bench.room, Filters())
    assert done == {"ContainersDeleted": [stopped.container.id], "SpaceReclaimed": 10}


async def test_filters_keep(bench: Bench) -> None:
    await bench.create("one", Labels={"keep": "1"})
    assert (await prune.prune(bench.room, Filters({"label!": ["keep"]})))["ContainersDeleted"] is None
    assert (await prune.prune(bench.room, Filters({"until": ["10h"]})))["ContainersDeleted"] is None
    with pytest.raises(InvalidArgument, match="more than one until"):
        await prune.prune(bench.room, Filters({"until": ["1h", "2h"]}))


async def test_pruning_is_announced_once(bench: Bench) -> None:
    """With what it freed."""
    await bench.create("one")
    await prune.prune(bench.room, Filters())
    last = bench.room.bus._ring[-1]
    assert (last.kind, last.action, dict(last.attributes)) == ("container", "prune", {"reclaimed": "10"})


async def test_labels_choose(bench: Bench) -> None:
    """All of them must match."""
    one = await bench.create("one", Labels={"x": "1"})
    await bench.create("two", Labels={"x": "2"})
    assert (await prune.prune(bench.room, Filters({"label": ["x=1"]})))["ContainersDeleted"] == [one.container.id]


async def test_until_spares_what_is_younger(bench: Bench) -> None:
    """By creation, not by end."""
    old = await bench.create("old")
    await bench.create("new")
    old.container.created = "2020-01-01T00:00:00Z"
    assert (await prune.prune(bench.room, Filters({"until": ["24h"]})))["ContainersDeleted"] == [old.container.id]


async def test_a_container_that_is_restarting_is_not_pruned(bench: Bench) -> None:
    """It runs, between two lives."""
    live = await bench.create("one")
    live.container.state.status = "restarting"
    assert (await prune.prune(bench.room, Filters()))["ContainersDeleted"] is None


async def test_a_dry_run_removes_and_announces_nothing(bench: Bench) -> None:
    one = await bench.create("one")
    before = bench.room.bus.published
    said = await prune.prune(bench.room, Filters(), dry_run=True)
    assert said == {"ContainersDeleted": [one.container.id], "SpaceReclaimed": 10}
    assert bench.room.bus.published == before
    assert await prune.prune(bench.room, Filters()) == said
