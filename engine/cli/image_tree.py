"""`wherry images --tree`: images, and below each the platforms that its names lead to."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed
from engine.cli.formats import Column, Row, print_rows
from engine.cli.grammar import filters_from
from engine.cli.humane import short_id, size
from engine.cli.platforms import platform_text

Json = dict[str, Any]

_UNTAGGED = "<untagged>"
_COLUMNS: list[Column] = [
    ("IMAGE", "Image", lambda row: row["_name"]),
    ("ID", "ID", lambda row: short_id(row["_id"]) if row["_id"] else ""),
    ("DISK USAGE", "DiskUsage", lambda row: row["_usage"]),
    ("CONTENT SIZE", "ContentSize", lambda row: row["_content"]),
    ("EXTRA", "Extra", lambda row: row["_extra"]),
]


def print_tree(daemon: Daemon, filters: Sequence[str], *, every: bool, others: bool) -> None:
    """Ask for the images and show them so; `others`: flags were given that are for the flat list."""
    if others:
        raise CommandFailed("--tree goes with --all and --filter alone", 1)
    found = daemon.get("/images/json", all=every or None, manifests=True, filters=filters_from(filters))
    rows = [row for image in found for row in rows_of(image)]
    click.echo("U: in use by a container; N/A: known by its name, and not here", err=True)
    print_rows(rows, _COLUMNS, [key for _, key, _ in _COLUMNS], None)


def rows_of(image: Json) -> Iterator[Row]:
    """All names of an image, the last with its sizes; then its platforms, unless there is but one."""
    manifests = [one for one in image.get("Manifests") or () if one["Kind"] == "image"]
    names = image.get("RepoTags") or [_UNTAGGED]
    used = image.get("Containers", -1) > 0 or any(one["ImageData"].get("Containers") for one in manifests)
    for name in names[:-1]:
        yield {"_name": name, "_id": "", "_usage": "", "_content": "", "_extra": ""}
    total = sum(one["Size"]["Total"] for one in image.get("Manifests") or ()) or image["Size"]
    content = sum(one["Size"]["Content"] for one in image.get("Manifests") or ())
    yield _row(names[-1], image["Id"], total, content, used=used)
    if len(manifests) > 1:
        for position, one in enumerate(manifests):
            branch = "└─" if position == len(manifests) - 1 else "├─"
            yield _of_platform(f"{branch} {_platform(one)}", one)


def _of_platform(name: str, one: Json) -> Row:
    if not one["Available"] and not one["Size"]["Total"]:
        return {"_name": name, "_id": one["ID"], "_usage": "N/A", "_content": "N/A", "_extra": ""}
    used = bool(one["ImageData"].get("Containers"))
    return _row(name, one["ID"], one["Size"]["Total"], one["Size"]["Content"], used=used)


def _row(name: str, digest: str, total: int, content: int, *, used: bool) -> Row:
    extra = "U" if used else ""
    return {"_name": name, "_id": digest, "_usage": size(total), "_content": size(content), "_extra": extra}


def _platform(one: Json) -> str:
    return platform_text(one["ImageData"]["Platform"])
