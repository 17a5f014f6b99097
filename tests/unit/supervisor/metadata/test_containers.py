"""Container records; what a client sees of them is in tests/contract/test_metadata_store.py."""

import pytest

from proto.errdefs import AlreadyExists, InvalidArgument, NotFound
from supervisor.core.containers import Container, RuntimeInfo
from supervisor.core.typed import TypedValue
from supervisor.metadata.containers import ContainerTable
from supervisor.metadata.db import Database

SPEC = TypedValue("spec", b"{}")


def container(container_id: str = "c", **fields: object) -> Container:
    return Container(container_id, RuntimeInfo("r", TypedValue("o", b"1")), SPEC, **fields)  # type: ignore[arg-type]


def test_a_record_comes_back_as_it_was(db: Database) -> None:
    """Every field; in its own namespace only."""
    table = ContainerTable(db)
    made = table.create("ns", container(image="i", labels={"a": "1"}, extensions={"x": SPEC}, sandbox_id="s"))
    assert table.get("ns", "c") == made
    assert made.created_at == made.updated_at > 0
    with pytest.raises(NotFound, match='container "c" in namespace "other": not found'):
        table.get("other", "c")
    with pytest.raises(AlreadyExists, match='container "c": already exists'):
        table.create("ns", container())
    assert table.create("other", container()).id == "c"


def test_filters_choose_by_field(db: Database) -> None:
    """Id, image, runtime and labels."""
    table = ContainerTable(db)
    table.create("ns", container("a", image="i1", labels={"x.y": "1"}))
    table.create("ns", container("b", image="i2"))
    for text, expected in (
        ("id==a", ["a"]),
        ("image==i2", ["b"]),
        ("runtime.name==r", ["a", "b"]),
        ("labels.x.y", ["a"]),
        ('labels."x.y"==1', ["a"]),
        ("runtime", []),
        ("unknown", []),
    ):
        assert [one.id for one in table.list("ns", [text])] == expected, text
    with pytest.raises(InvalidArgument):
        table.list("ns", ["=="])


def test_a_full_update_replaces_the_mutable_fields(db: Database) -> None:
    """And moves the time on."""
    table = ContainerTable(db)
    made = table.create("ns", container(labels={"a": "1"}, image="old", extensions={"x": SPEC}))
    updated = table.update("ns", container(image="new", snapshotter="", labels={"b": "2"}))
    assert (updated.image, updated.labels, updated.extensions) == ("new", {"b": "2"}, {})
    assert updated.created_at == made.created_at
    assert updated.updated_at > made.updated_at
    assert table.get("ns", "c") == updated


def test_a_mask_touches_one_extension(db: Database) -> None:
    """Set it, take it away."""
    table = ContainerTable(db)
    table.create("ns", container(extensions={"x": SPEC, "y": SPEC}))
    changed = TypedValue("e", b"2")
    updated = table.update("ns", container(extensions={"x": changed}), ["extensions.x", "extensions.y"])
    assert updated.extensions == {"x": changed}


def test_a_refused_update_changes_nothing(db: Database) -> None:
    """Validation comes before the write."""
    table = ContainerTable(db)
    made = table.create("ns", container())
    for wanted, mask in (
        (container(labels={"k": "v" * 5000}), ["labels"]),
        (container(), ["id"]),
        (container(snapshot_key="k"), ["snapshotkey"]),
        (container(snapshotter="native"), []),
        (Container("c", RuntimeInfo("other"), SPEC), []),
    ):
        with pytest.raises(InvalidArgument):
            table.update("ns", wanted, mask)
    with pytest.raises(InvalidArgument, match="must specify a container id"):
        table.update("ns", container(""))
    assert table.get("ns", "c") == made


def test_a_record_needs_a_spec(db: Database) -> None:
    """What else would run?"""
    with pytest.raises(InvalidArgument, match=r"container\.Spec must be set"):
        ContainerTable(db).create("ns", Container("c", RuntimeInfo("r")))
    with pytest.raises(InvalidArgument, match="Extension keys must not be zero-length"):
        ContainerTable(db).create("ns", container(extensions={"": SPEC}))


def test_deleting_may_make_garbage(db: Database) -> None:
    """The collector is told; a second time there is nothing."""
    table, heard = ContainerTable(db), []
    table.create("ns", container())
    db.on_mutation(heard.append)
    table.delete("ns", "c")
    assert heard == [True]
    with pytest.raises(NotFound, match="container c: not found"):
        table.delete("ns", "c")
