"""Finding containers."""

import pytest

from proto.errdefs import Conflict, InvalidArgument, NotFound
from tests.fakes.engine_room import ID, Bench


async def test_by_id_name_and_prefix(bench: Bench) -> None:
    live = bench.add()
    for reference in (ID, "web", "/web", ID[:4]):
        assert bench.room.registry.find(reference) is live


async def test_a_name_that_looks_like_anothers_prefix_wins(bench: Bench) -> None:
    bench.add()
    named = bench.add(name=ID[:12], container_id="cd" * 32)
    assert bench.room.registry.find(ID[:12]) is named


async def test_refusals(bench: Bench) -> None:
    bench.add()
    bench.add(name="other", container_id="ab" + "c" * 62)
    with pytest.raises(InvalidArgument, match="multiple IDs found"):
        bench.room.registry.find("ab")
    with pytest.raises(NotFound, match="No such container: zz"):
        bench.room.registry.find("zz")
    with pytest.raises(Conflict, match="already in use"):
        bench.room.registry.require_free("web")
