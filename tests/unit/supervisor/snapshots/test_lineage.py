"""Who descends from whom; the rules themselves are in tests/contract/test_snapshotter.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proto.errdefs import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from supervisor.core.snapshots import Info, Kind, Usage
from supervisor.metadata.db import Database
from supervisor.snapshots.lineage import Lineage


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    one = Database(str(tmp_path / "meta.db"))
    yield one
    one.close()


@pytest.fixture
def lineage(db: Database) -> Lineage:
    return Lineage(db, "driver")


def chain(lineage: Lineage, length: int) -> None:
    for number in range(1, length + 1):
        lineage.create(Kind.ACTIVE, f"k{number}", f"n{number - 1}" if number > 1 else "", {})
        lineage.commit(f"n{number}", f"k{number}", {}, None)


def test_ancestors_come_nearest_first(lineage: Lineage) -> None:
    """However many there are."""
    chain(lineage, 150)
    node = lineage.create(Kind.ACTIVE, "top", "n150", {})
    assert node.ancestors == list(range(150, 0, -1))
    assert lineage.get_mountable("top").ancestors == node.ancestors
    assert lineage.get("top").info.parent == "n150"


def test_a_commit_keeps_the_number(lineage: Lineage) -> None:
    """It names the folder."""
    made = lineage.create(Kind.ACTIVE, "k", "", {"a": "1"})
    assert lineage.commit("n", "k", {"b": "2"}, None).id == made.id
    node = lineage.get("n")
    assert (node.id, node.info.kind, node.info.labels) == (made.id, Kind.COMMITTED, {"b": "2"})


def test_drivers_do_not_meet(db: Database, lineage: Lineage) -> None:
    """Same keys, numbers of their own."""
    other = Lineage(db, "other")
    assert lineage.create(Kind.ACTIVE, "k", "", {}).id == other.create(Kind.ACTIVE, "k", "", {}).id == 1
    assert [node.info.name for node in other.walk()] == ["k"]
    other.remove("k")
    assert lineage.numbers() == {1}


def test_numbers_are_never_used_twice(lineage: Lineage) -> None:
    """A folder being removed must not come back to life."""
    lineage.create(Kind.ACTIVE, "k", "", {})
    lineage.remove("k")
    assert lineage.create(Kind.ACTIVE, "k", "", {}).id == 2


def test_usage_is_kept_for_committed_snapshots_only(lineage: Lineage) -> None:
    """The others still grow."""
    node = lineage.create(Kind.ACTIVE, "k", "", {})
    lineage.keep_usage(node, Usage(1, 2))
    assert lineage.get("k").usage is None
    lineage.commit("n", "k", {}, None)
    lineage.keep_usage(node, Usage(1, 2))
    assert lineage.get("n").usage == Usage(1, 2)


def test_each_mistake_has_its_class_and_words(lineage: Lineage) -> None:
    """As containerd's store."""
    chain(lineage, 2)
    lineage.create(Kind.ACTIVE, "k", "n2", {})
    with pytest.raises(NotFound, match="snapshot zz: not found"):
        lineage.get("zz")
    with pytest.raises(NotFound, match='missing parent "zz" bucket'):
        lineage.create(Kind.ACTIVE, "x", "zz", {})
    with pytest.raises(InvalidArgument, match='parent "k" is not committed snapshot'):
        lineage.create(Kind.VIEW, "x", "k", {})
    with pytest.raises(AlreadyExists, match="snapshot k: already exists"):
        lineage.create(Kind.ACTIVE, "k", "", {})
    with pytest.raises(AlreadyExists, match="committed snapshot n1: already exists"):
        lineage.commit("n1", "k", {}, None)
    with pytest.raises(FailedPrecondition, match='snapshot "n1" is not active'):
        lineage.commit("x", "n1", {}, None)
    with pytest.raises(InvalidArgument, match='cannot change parent of active snapshot "k" on commit'):
        lineage.commit("x", "k", {}, "n1")
    with pytest.raises(FailedPrecondition, match="cannot remove snapshot with child"):
        lineage.remove("n1")
    with pytest.raises(FailedPrecondition, match="requested snapshot n1 not active or view"):
        lineage.get_mountable("n1")
    with pytest.raises(InvalidArgument, match='cannot update "name" field on snapshot "k"'):
        lineage.update(Info("k"), ["name"])


def test_an_orphan_gets_its_parent_at_commit(lineage: Lineage) -> None:
    """If that one is committed."""
    chain(lineage, 1)
    lineage.create(Kind.ACTIVE, "k", "", {})
    lineage.create(Kind.ACTIVE, "active", "", {})
    with pytest.raises(InvalidArgument):
        lineage.commit("n", "k", {}, "active")
    lineage.commit("n", "k", {}, "n1")
    assert lineage.get("n").info.parent == "n1"
