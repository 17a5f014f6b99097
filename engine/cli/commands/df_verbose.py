"""`wherry system df -v`: every object with what it takes."""

from typing import Any

import click

from engine.cli.commands import images, ps, volume
from engine.cli.formats import Column, Row, cells, print_object, public, table
from engine.cli.humane import ago, size, unix_time

_TABLES = (
    (
        "Images",
        "Images space usage:",
        ("Repository", "Tag", "ID", "CreatedSince", "Size", "SharedSize", "UniqueSize", "Containers"),
    ),
    (
        "Containers",
        "Containers space usage:",
        ("ID", "Image", "Command", "LocalVolumes", "Size", "LogsSize", "RunningFor", "Status", "Names"),
    ),
    ("Volumes", "Local Volumes space usage:", ("Name", "Links", "Size")),
    (
        "BuildCache",
        "Build cache usage: {}",
        ("ID", "CacheType", "Size", "CreatedSince", "LastUsedSince", "UsageCount", "Shared"),
    ),
)


def show(usage: Row, template: str | None) -> None:
    """Four tables; a template, or `json`, is given one document with the rows of all four."""
    if template not in (None, "", "table"):
        assert template is not None
        rows = _rows(usage, no_trunc=True)
        print_object({name: [public(row) for row in found] for name, (_, found) in rows.items()}, template)
        return
    cache = size(sum(one.get("Size") or 0 for one in usage.get("BuildCache") or ()), 4)
    rows = _rows(usage, no_trunc=False)
    for number, (name, title, shown) in enumerate(_TABLES):
        columns, found = rows[name]
        headings = {key: heading for heading, key, _ in columns}
        click.echo(("\n" if number else "") + title.format(cache) + "\n")
        click.echo(table([[headings[key] for key in shown], *([str(row[key]) for key in shown] for row in found)]))


def _rows(usage: Row, *, no_trunc: bool) -> dict[str, tuple[list[Column], list[Row]]]:
    objects = {name: usage.get(name) or [] for name, _, _ in _TABLES}
    objects["Images"] = [
        {**next(images.names(image)), "_digest": ""} for image in objects["Images"]
    ]  # its bytes are there once
    columns = {
        "Images": images.columns(no_trunc=no_trunc, digits=4),
        "Containers": [
            *(column for column in ps.columns(no_trunc=no_trunc) if column[1] != "Size"),
            ("SIZE", "Size", lambda row: size(row.get("SizeRw") or 0)),
            ("LOGS", "LogsSize", lambda row: size(row["SizeLogs"]) if "SizeLogs" in row else "N/A"),
        ],
        "Volumes": volume.columns(),
        "BuildCache": _record_columns(no_trunc=no_trunc),
    }
    return {name: (columns[name], cells(objects[name], columns[name])) for name in objects}


def _record_columns(*, no_trunc: bool) -> list[Column]:
    return [
        ("CACHE ID", "ID", lambda row: row["ID"] if no_trunc else row["ID"][:12]),
        ("PARENT", "Parent", lambda row: row.get("Parent") or ""),
        ("CACHE TYPE", "CacheType", lambda row: row.get("Type") or ""),
        ("DESCRIPTION", "Description", lambda row: row.get("Description") or ""),
        ("SIZE", "Size", lambda row: size(row.get("Size") or 0)),
        ("CREATED", "CreatedSince", lambda row: _since(row.get("CreatedAt"))),
        ("CREATED AT", "CreatedAt", lambda row: row.get("CreatedAt") or ""),
        ("LAST USED", "LastUsedSince", lambda row: _since(row.get("LastUsedAt"))),
        ("LAST USED AT", "LastUsedAt", lambda row: row.get("LastUsedAt") or ""),
        ("USAGE", "UsageCount", lambda row: str(row.get("UsageCount") or 0)),
        ("IN USE", "InUse", lambda row: str(bool(row.get("InUse"))).lower()),
        ("SHARED", "Shared", lambda row: str(bool(row.get("Shared"))).lower()),
    ]


def _since(stamp: Any) -> str:
    return ago(unix_time(stamp)) if stamp else ""
