"""Listings: tables, templates, JSON."""

import json

import pytest

from engine.cli.errors import CommandFailed
from engine.cli.formats import Column, by_name, labelled, print_objects, print_rows, table

COLUMNS: list[Column] = [("ID", "ID", lambda row: row["id"]), ("NAMES", "Names", lambda row: row["name"])]
ROWS = [{"id": "1", "name": "one"}, {"id": "22222222222222", "name": "two"}]


def test_columns_are_aligned_as_docker_aligns_them() -> None:
    """At least ten wide, three apart, the last one bare."""
    assert table([["A", "B"], ["1", "x"]]) == "A         B\n1         x"
    assert table([["A", "B"], ["1" * 12, "x"]]).splitlines()[0] == "A" + " " * 14 + "B"


def test_the_default_is_a_table_of_the_shown_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order asked for."""
    print_rows(ROWS, COLUMNS, ["Names", "ID"], None)
    assert capsys.readouterr().out.splitlines()[0].split() == ["NAMES", "ID"]


def test_a_template_is_printed_per_row(capsys: pytest.CaptureFixture[str]) -> None:
    """With docker's keys."""
    print_rows(ROWS, COLUMNS, ["ID"], "{{.Names}}={{.ID}}")
    assert capsys.readouterr().out == "one=1\ntwo=22222222222222\n"


def test_a_table_template_has_headings(capsys: pytest.CaptureFixture[str]) -> None:
    """Tabs separate the columns."""
    print_rows(ROWS, COLUMNS, ["ID"], "table {{.Names}}\\t{{.ID}}")
    assert capsys.readouterr().out == "NAMES     ID\none       1\ntwo       22222222222222\n"


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Machines read it."""
    print_rows(ROWS, COLUMNS, ["ID"], "json")
    assert next(json.loads(line) for line in capsys.readouterr().out.splitlines()) == {"ID": "1", "Names": "one"}


def test_a_cell_for_the_table_alone_is_not_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    columns: list[Column] = [*COLUMNS, ("NAME", "_Marked", lambda row: f"{row['name']} *")]
    print_rows(ROWS[:1], columns, ["_Marked"], None)
    assert capsys.readouterr().out == "NAME\none *\n"
    for template in ("json", "{{json .}}"):
        print_rows(ROWS[:1], columns, ["_Marked"], template)
        assert capsys.readouterr().out == '{"ID":"1","Names":"one"}\n'


def test_labels_are_a_list_and_one_by_one_a_method(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": "1", "name": "one", "Labels": {"a.b": "c", "d": ""}}, {"id": "2", "name": "two", "Labels": None}]
    columns = labelled(COLUMNS)
    print_rows(rows, columns, ["ID"], '{{.ID}} {{.Labels}} {{.Label "a.b"}}')
    assert capsys.readouterr().out == "1 a.b=c,d= c\n2  \n"
    print_rows(rows, columns, ["ID"], 'table {{.ID}}\\t{{.Label "a.b"}}')
    assert capsys.readouterr().out.splitlines()[0].split() == ["ID", "a.b"]
    print_rows(rows, columns, ["ID"], "{{json .}}")
    assert json.loads(capsys.readouterr().out.splitlines()[0]) == {"ID": "1", "Names": "one", "Labels": "a.b=c,d="}


def test_numbers_in_names_are_in_their_order() -> None:
    names = ["a10", "a9", "b", "10", "9", "a"]
    assert [row["Name"] for row in by_name({"Name": name} for name in names)] == ["9", "10", "a", "a9", "a10", "b"]


def test_an_unknown_column_is_named_and_the_known_ones_listed() -> None:
    """So that the person need not guess."""
    with pytest.raises(CommandFailed, match="can't evaluate field Nope; there are: ID, Names"):
        print_rows(ROWS, COLUMNS, ["ID"], "{{.Nope}}")


def test_quiet_prints_one_column(capsys: pytest.CaptureFixture[str]) -> None:
    """For `$(…)`."""
    print_rows(ROWS, COLUMNS, ["ID"], None, quiet_key="ID")
    assert capsys.readouterr().out == "1\n22222222222222\n"


def test_inspect_prints_an_array_or_a_template(capsys: pytest.CaptureFixture[str]) -> None:
    """As docker does."""
    print_objects([{"A": 1}], None)
    assert json.loads(capsys.readouterr().out) == [{"A": 1}]
    print_objects([{"A": 1}], "json")
    assert capsys.readouterr().out == '[{"A":1}]\n'
    print_objects([{"A": 1}], "a={{.A}}")
    assert capsys.readouterr().out == "a=1\n"
