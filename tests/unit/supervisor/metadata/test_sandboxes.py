"""Sandbox records."""

import pytest

from proto.errdefs import AlreadyExists, InvalidArgument, NotFound
from supervisor.core.containers import RuntimeInfo
from supervisor.core.sandboxes import Sandbox
from supervisor.core.typed import TypedValue
from supervisor.metadata.db import Database
from supervisor.metadata.sandboxes import SandboxTable


def test_a_sandbox_is_made_read_and_deleted(db: Database) -> None:
    """Every field comes back."""
    table = SandboxTable(db)
    runtime = RuntimeInfo("r", TypedValue("o", b"1"))
    made = table.create(
        "ns", Sandbox("s", runtime, TypedValue("spec", b"{}"), "shim", {"a": "1"}, {"x": TypedValue("y")})
    )
    assert table.get("ns", "s") == made
    assert table.list("ns", ["labels.a==1"]) == table.list("ns", ["id==s"]) == [made]
    assert table.list("ns", ["labels.b"]) == []
    with pytest.raises(AlreadyExists):
        table.create("ns", Sandbox("s"))
    table.delete("ns", "s")
    with pytest.raises(NotFound, match='sandbox "s": not found'):
        table.delete("ns", "s")


def test_a_mask_says_what_is_replaced(db: Database) -> None:
    """Labels and extensions key by key."""
    table = SandboxTable(db)
    table.create("ns", Sandbox("s", labels={"a": "1", "b": "2"}, extensions={"x": TypedValue("y")}))
    updated = table.update("ns", Sandbox("s", labels={"a": "9"}), ["labels.a", "extensions.x"])
    assert (updated.labels, updated.extensions) == ({"a": "9", "b": "2"}, {})
    assert table.update("ns", Sandbox("s", RuntimeInfo("new"))).runtime.name == "new"
    with pytest.raises(InvalidArgument, match='cannot update "id" field on sandbox "s"'):
        table.update("ns", Sandbox("s"), ["id"])
    with pytest.raises(InvalidArgument, match="invalid sandbox ID"):
        table.create("ns", Sandbox("no/good"))
