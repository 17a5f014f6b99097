"""How listings are printed: a table, `--format` with a template, `table …` templates, and JSON lines.

Each command describes its columns as (heading, key, function of a row); the keys are those that docker's templates use.
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

_MINIMUM_WIDTH, _PADDING = 10, 3  # docker's tab writer
_FIELDS = re.compile(r"\{\{-?\s*(?:json\s+)?\.(\w+)[^}]*\}\}")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, as docker's tab writer aligns them: the last one is not padded."""
    widths = [max(_MINIMUM_WIDTH, max(map(len, column)) + _PADDING) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("".join([*padded, row[-1]]))
    return "\n".join(lines)


def print_rows(
    rows: Iterable[Row], columns: Sequence[Column], shown: Sequence[str], template: str | None, *, quiet_key: str = ""
) -> None:
    """Print a listing. `shown` names the default table's columns by key; `quiet_key` prints that column alone."""
    listing = [{key: function(row) for _, key, function in columns} for row in rows]
    if quiet_key:
        for row in listing:
            click.echo(row[quiet_key])
    elif template in (None, "", "table"):
        headings = {key: heading for heading, key, _ in columns}
        body = [[_cell(row[key]) for key in shown] for row in listing]
        click.echo(table([[headings[key] for key in shown], *body]))
    elif template == "json":
        for row in listing:
            click.echo(json.dumps(row, ensure_ascii=False))
    else:
        assert template is not None
        _print_template(listing, columns, template)


def _print_template(listing: list[Row], columns: Sequence[Column], template: str) -> None:
    is_table = template.startswith("table ")
    source = template.removeprefix("table ").replace("\\t", "\t").replace("\\n", "\n")
    parsed = Template(source)
    known = {key for _, key, _ in columns}
    unknown = [name for name in _FIELDS.findall(source) if name not in known]
    if unknown:
        there_are = ", ".join(sorted(known))
        raise CommandFailed(f"template: {source}: can't evaluate field {unknown[0]}; there are: {there_are}")
    if not is_table:
        for row in listing:
            click.echo(parsed.render(row))
        return
    headings = {key: heading for heading, key, _ in columns}
    rendered = [_FIELDS.sub(lambda field: headings[field[1]], source), *(parsed.render(row) for row in listing)]
    cells = [line.split("\t") for line in rendered]
    width = max(map(len, cells))
    click.echo(table([line + [""] * (width - len(line)) for line in cells]))


def print_objects(objects: Sequence[Any], template: str | None) -> None:
    """What `inspect` prints: a JSON array, or each object through the template; `json` is one line each."""
    if template in (None, ""):
        click.echo(json.dumps(objects, indent=4, ensure_ascii=False))
    elif template == "json":
        for one in objects:
            click.echo(json.dumps(one, separators=(",", ":"), ensure_ascii=False))
    else:
        assert template is not None
        parsed = Template(template.replace("\\t", "\t").replace("\\n", "\n"))
        for one in objects:
            click.echo(parsed.render(one))


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
