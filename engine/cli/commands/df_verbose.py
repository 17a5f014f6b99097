"""`wherry system df -v`: every object with what it takes."""

import json
from typing import Any

import click

from engine.cli.errors import CommandFailed
from engine.cli.formats import table
from engine.cli.humane import ago, ellipsis, short_id, size

Row = dict[str, Any]


def show(usage: Row, template: str | None) -> None:
    """Four tables; `--format json` is the engine's own document."""
    if template == "json":
        click.echo(json.dumps(usage, ensure_ascii=False))
        return
    if template not in (None, "", "table"):
        raise CommandFailed("--verbose prints tables or, with --format json, the engine's document")
    images, containers, volumes, cache = (
        usage.get(key) or [] for key in ("Images", "Containers", "Volumes", "BuildCache")
    )
    click.echo("Images space usage:\n")
    heading = ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"]
    click.echo(table([heading, *(row for image in images for row in _image(image))]))
    click.echo("\nContainers space usage:\n")
    heading = ["CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "LOGS", "CREATED", "STATUS", "NAMES"]
    click.echo(table([heading, *map(_container, containers)]))
    click.echo("\nLocal Volumes space usage:\n")
    click.echo(table([["VOLUME NAME", "LINKS", "SIZE"], *map(_volume, volumes)]))
    click.echo(f"\nBuild cache usage: {size(sum(one.get('Size') or 0 for one in cache), 4)}\n")
    heading = ["CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "USAGE", "SHARED"]
    click.echo(table([heading, *map(_record, cache)]))


def _image(image: Row) -> list[list[str]]:
    """One line for each name."""
    shared = max(image.get("SharedSize") or 0, 0)
    rest = [
        short_id(image["Id"]),
        ago(image.get("Created") or 0),
        size(image["Size"], 4),
        size(shared, 4),
        size(image["Size"] - shared, 4),
        str(image.get("Containers", 0)),
    ]
    names = [tag.rpartition(":")[::2] for tag in image.get("RepoTags") or ["<none>:<none>"]]
    return [[repository, tag, *rest] for repository, tag in names]


def _container(container: Row) -> list[str]:
    return [
        container["Id"][:12],
        container["Image"],
        f'"{ellipsis(container.get("Command") or "", 20)}"',
        str(sum(mount.get("Type") == "volume" for mount in container.get("Mounts") or ())),
        size(container.get("SizeRw") or 0, 3),
        size(container["SizeLogs"], 3) if "SizeLogs" in container else "N/A",
        ago(container.get("Created") or 0),
        container.get("Status") or "",
        ",".join(name.lstrip("/") for name in container.get("Names") or ()),
    ]


def _volume(volume: Row) -> list[str]:
    usage = volume.get("UsageData") or {}
    return [volume["Name"], str(usage.get("RefCount", 0)), size(max(usage.get("Size", 0), 0), 4)]


def _record(record: Row) -> list[str]:
    created = record.get("CreatedAt") or ""
    return [
        record["ID"][:12],
        record.get("Type") or "",
        size(record.get("Size") or 0, 3),
        created[:19].replace("T", " "),
        str(record.get("UsageCount", 0)),
        str(bool(record.get("Shared"))).lower(),
    ]
