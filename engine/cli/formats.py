"""How listings are printed: a table, `--format` with a template, `table …` templates, and JSON lines.

Each command describes its columns as (heading, key, function of a row); the keys are those that docker's templates use,
and one that begins with _ is for the table alone.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from engine.cli.errors import CommandFailed
from engine.cli.gotemplate import Template

Row = dict[str, Any]
Column = tuple[str, str, Callable[[Row], Any]]

_PADDING = 3  # as in docker's tab writer
_FIELDS = re.compile(r"\{\{-?\s*(?:json\s+)?\.(\w+)([^}]*)\}\}")
_DIGITS = re.compile(r"(\d+)")


def table(rows: Sequence[Sequence[str]], *, minimum: int = 10) -> str:
    """Aligned columns, as docker's tab writer aligns them: the last one is not padded."""
    widths = [max(minimum, max(map(len, column)) + _PADDING) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("".join([*padded, row[-1]]))
    return "\n".join(lines)


def print_rows(
    rows: Iterable[Row], columns: Sequence[Column], shown: Sequence[str], template: str | None, *, quiet_key: str = ""
) -> None:
    """Print a listing. `shown` names the default table's columns by key; `quiet_key` prints that column alone."""
    listing = cells(rows, columns)
    if quiet_key:
        for row in listing:
            click.echo(row[quiet_key])
    elif template in (None, "", "table"):
        headings = {key: heading for heading, key, _ in columns}
        body = [[_cell(row[key]) for key in shown] for row in listing]
        click.echo(table([[headings[key] for key in shown], *body]))
    elif template == "json":
        for row in listing:
            click.echo(one_line(public(row)))
    else:
        assert template is not None
        _print_template([dict(sorted(row.items())) for row in listing], columns, template)


def cells(rows: Iterable[Row], columns: Sequence[Column]) -> list[Row]:
    """Each row's cells by their keys."""
    return [{key: function(row) for _, key, function in columns} for row in rows]


def public(row: Row) -> Row:
    """What machines see of a row, in docker's order."""
    return {key: row[key] for key in sorted(row) if not key.startswith("_") and not callable(row[key])}


def labelled(columns: Sequence[Column]) -> list[Column]:
    """With the labels of a row, as a list, and one by one for templates: `{{.Label "name"}}`."""
    of = ("_", "Label", lambda row: lambda name: (row.get("Labels") or {}).get(name, ""))
    return [*columns, ("LABELS", "Labels", lambda row: key_value_list(row.get("Labels"))), of]


def by_name(rows: Iterable[Row]) -> list[Row]:
    """In docker's order: the numbers in names count as numbers."""
    return sorted(
        rows,
        key=lambda row: [
            (part.isdigit(), int(part) if part.isdigit() else 0, part) for part in _DIGITS.split(row["Name"])
        ],
    )


def one_line(document: Any) -> str:
    """A document for machines."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _print_template(listing: list[Row], columns: Sequence[Column], template: str) -> None:
    is_table = template.startswith("table ")
    source = template.removeprefix("table ").replace("\\t", "\t").replace("\\n", "\n")
    parsed = Template(source)
    known = {key for _, key, _ in columns if not key.startswith("_")}
    unknown = [name for name, _ in _FIELDS.findall(source) if name not in known]
    if unknown:
        there_are = ", ".join(sorted(known))
        raise CommandFailed(f"template: {source}: can't evaluate field {unknown[0]}; there are: {there_are}")
    if not is_table:
        for row in listing:
            click.echo(parsed.render(row))
        return
    headings = {key: heading for heading, key, _ in columns}
    rendered = [_FIELDS.sub(lambda field: _heading(field, headings), source), *(parsed.render(row) for row in listing)]
    cells = [line.split("\t") for line in rendered]
    width = max(map(len, cells))
    click.echo(table([line + [""] * (width - len(line)) for line in cells]))


def _heading(field: re.Match[str], headings: dict[str, str]) -> str:
    asked_for = field[2].strip(' "`')
    return asked_for if field[1] == "Label" else headings[field[1]]


def print_objects(objects: Sequence[Any], template: str | None) -> None:
    """What `inspect` prints: a JSON array, on one line for `json`, or each object through the template."""
    if template in (None, ""):
        click.echo(json.dumps(objects, indent=4, ensure_ascii=False))
    elif template == "json":
        click.echo(one_line(objects))
    else:
        assert template is not None
        for one in objects:
            print_object(one, template)


def print_object(one: Any, template: str) -> None:
    """One document by itself: through the template, or a line of JSON."""
    if template == "json":
        click.echo(one_line(one))
    else:
        click.echo(Template(template.replace("\\t", "\t").replace("\\n", "\n")).render(one))


def key_value_list(labels: dict[str, str] | None) -> str:
    """Labels in a cell."""
    return ",".join(f"{name}={value}" for name, value in (labels or {}).items())


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
