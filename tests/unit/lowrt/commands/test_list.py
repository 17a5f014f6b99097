"""list, in three forms."""

import json

from lowrt.commands.list import table
from tests.fakes.lowrt_containers import Stage
from tests.unit.lowrt.commands.conftest import Call


def test_nothing_is_a_heading_or_null(lowrt: Call) -> None:
    assert lowrt("list")[1] == "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n"
    assert lowrt("list", "-f", "json")[1] == "null\n"
    assert lowrt("list", "-q")[1] == ""


def test_columns_are_as_wide_as_gos_tabwriter_makes_them() -> None:
    rows = [("l1g", "18755", "created", "/tmp/wide/b", "2026-11-25T09:41:33.865008894Z", "root")]
    assert table(rows) == (
        "ID          PID         STATUS      BUNDLE        CREATED                          OWNER\n"
        "l1g         18755       created     /tmp/wide/b   2026-11-25T09:41:33.865008894Z   root\n"
    )


def test_json_names_the_owner(stage: Stage, lowrt: Call) -> None:
    stage.record("c1", owner=0)
    stage.record("c2", owner=987_654)
    entries = json.loads(lowrt("list", "--format", "json")[1])
    assert [(entry["id"], entry["owner"]) for entry in entries] == [("c1", "root"), ("c2", "#987654")]


def test_what_is_no_container_is_passed_over(stage: Stage, lowrt: Call) -> None:
    stage.record("c1")
    (stage.root / "@seccomp").mkdir()
    (stage.root / "half-made").mkdir()
    (stage.root / "file").touch()
    assert lowrt("list", "-q")[:2] == (0, "c1\n")


def test_an_unknown_format_is_refused(lowrt: Call) -> None:
    assert lowrt("list", "-f", "xml") == (1, "", "invalid format option\n")
