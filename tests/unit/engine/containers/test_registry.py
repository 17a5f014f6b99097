"""Finding containers, in dockerd's order: id, name, unambiguous prefix."""

import pytest

from engine.containers.registry import Registry
from engine.containers.store import ContainerStore
from proto.errdefs import Conflict, InvalidArgument, NotFound
from tests.fakes.engine_room import ID, Bench, container

OTHER = "ab" * 31 + "cd"


async def test_by_id_name_and_prefix(bench: Bench) -> None:
    """A name may carry its slash."""
    live = bench.add()
    for reference in (ID, "web", "/web", "ab", ID[:12]):
        assert bench.room.registry.find(reference) is live


async def test_a_name_that_looks_like_anothers_prefix_wins(bench: Bench) -> None:
    """A container may be called like the beginning of another's id."""
    bench.add()
    named = bench.add(name=ID[:12], container_id="cd" * 32)
    assert bench.room.registry.find(ID[:12]) is named


async def test_an_id_goes_before_a_name(bench: Bench) -> None:
    """Nobody can hide a container behind the name of its id."""
    live = bench.add()
    bench.add(name=ID, container_id=OTHER)
    assert bench.room.registry.find(ID) is live


async def test_an_ambiguous_prefix_is_refused(bench: Bench) -> None:
    """With dockerd's words; the whole id is never ambiguous."""
    bench.add()
    bench.add(name="db", container_id=OTHER)
    with pytest.raises(InvalidArgument, match="multiple IDs found with provided prefix: ab"):
        bench.room.registry.find("ab")
    assert bench.room.registry.find(OTHER).container.name == "db"


@pytest.mark.parametrize(
    ("reference", "kind", "words"),
    [("nope", NotFound, "^No such container: nope$"), ("", InvalidArgument, 'invalid name or ID supplied: ""')],
)
async def test_what_is_not_there(bench: Bench, reference: str, kind: type[Exception], words: str) -> None:
    """Clients look for these words."""
    with pytest.raises(kind, match=words):
        bench.room.registry.find(reference)


async def test_a_taken_name_is_refused_with_its_owner(bench: Bench) -> None:
    """The whole sentence is dockerd's."""
    bench.add()
    with pytest.raises(Conflict) as caught:
        bench.add(container_id=OTHER)
    assert str(caught.value) == (
        f'Conflict. The container name "/web" is already in use by container "{ID}". '
        "You have to remove (or rename) that container to be able to reuse that name."
    )
    assert bench.room.registry.get(OTHER) is None


async def test_a_renamed_container_is_found_by_its_new_name_only(bench: Bench) -> None:
    """Also by the next engine."""
    live = bench.add()
    bench.room.registry.rename(live, "db")
    assert bench.room.registry.find("db") is live
    assert bench.room.registry.name_owner("web") is None
    assert Registry(ContainerStore(bench.connection)).find("db").container.id == ID


async def test_a_retired_container_is_out_of_sight_and_wakes_who_watches(bench: Bench) -> None:
    """Its name is free in the same moment; what is left of it is remembered."""
    live = bench.add()
    changed = live.changed
    bench.room.registry.retire(live)
    assert changed.is_set()
    assert list(bench.room.registry) == []
    assert [made.id for made in bench.room.registry.leftovers()] == [ID]
    bench.add(container_id=OTHER)
    bench.room.registry.finish(ID)
    assert bench.room.registry.leftovers() == []


async def test_a_save_is_seen_by_the_next_engine_and_by_those_who_watch(bench: Bench) -> None:
    """One step does both."""
    live = bench.add()
    changed = live.changed
    live.container.state.exit_code = 5
    bench.room.registry.save(live)
    assert changed.is_set()
    assert not live.changed.is_set()
    assert Registry(ContainerStore(bench.connection)).find("web").container.state.exit_code == 5


async def test_it_may_be_walked_while_it_changes(bench: Bench) -> None:
    """Pruning does so."""
    bench.add()
    bench.add(name="db", container_id=OTHER)
    for live in bench.room.registry:
        bench.room.registry.retire(live)
    assert list(bench.room.registry) == []


async def test_a_name_is_kept_for_a_container_that_is_being_made(bench: Bench) -> None:
    """Of two creations at once one has it, the other hears so."""
    registry = bench.room.registry
    made = container(name="soon")
    with registry.reserving("soon", made.id):
        assert registry.name_owner("soon") == made.id
        with pytest.raises(Conflict, match=f"is already in use by container .{made.id}"):
            registry.require_free("soon")
        registry.add(made)
    assert registry.name_owner("soon") == made.id
    with pytest.raises(Conflict), registry.reserving("soon", "b" * 64):
        pass
    with registry.reserving("never", "c" * 64):
        pass
    assert registry.name_owner("never") is None
