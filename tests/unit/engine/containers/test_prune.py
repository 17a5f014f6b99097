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
