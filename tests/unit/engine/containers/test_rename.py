"""Renaming."""

import pytest

from engine.containers import rename
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
