"""`wherry ps`."""

import json
from functools import partial
from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.formats import Column, Row, labelled, print_rows
from engine.cli.gofunctions import Stringer
from engine.cli.grammar import FORMAT_HELP, Command, filters_from, pass_daemon
from engine.cli.humane import ago, ellipsis, local_time, size
from engine.cli.platforms import platform_text

_SHOWN = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"]


@click.command(cls=Command)
@click.option("--all", "-a", "every", is_flag=True, help="Show all containers (default shows just running).")
@click.option("--filter", "-f", "filters", multiple=True, help="Filter output based on conditions provided.")
@click.option("--format", "template", help=FORMAT_HELP)
@click.option("--last", "-n", type=int, default=-1, help="Show n last created containers (includes all states).")
@click.option("--latest", "-l", is_flag=True, help="Show the latest created container (includes all states).")
@click.option("--no-trunc", is_flag=True, help="Don't truncate output.")
@click.option("--quiet", "-q", is_flag=True, help="Only display container IDs.")
@click.option("--size", "-s", "sizes", is_flag=True, help="Display total file sizes.")
@pass_daemon
def ps(
    daemon: Daemon, /, filters: tuple[str, ...], template: str | None, no_trunc: bool, sizes: bool, **flags: Any
) -> None:
    """List containers."""
    limit = 1 if flags["latest"] else flags["last"]
    found = daemon.get(
        "/containers/json",
        all=flags["every"] or None,
        limit=limit if limit > 0 else None,
        size=sizes or (template is not None and ".Size" in template) or None,
        filters=filters_from(filters),
    )
    print_rows(
        found,
        columns(no_trunc=no_trunc),
        [*_SHOWN, *(["Size"] if sizes else [])],
        template,
        quiet_key="ID" if flags["quiet"] else "",
    )


_HEADINGS = [
    ("CONTAINER ID", "ID"),
    ("IMAGE", "Image"),
    ("COMMAND", "Command"),
    ("CREATED", "RunningFor"),
    ("CREATED AT", "CreatedAt"),
    ("STATUS", "Status"),
    ("STATE", "State"),
    ("PORTS", "Ports"),
    ("NAMES", "Names"),
    ("SIZE", "Size"),
    ("MOUNTS", "Mounts"),
    ("NETWORKS", "Networks"),
    ("LOCAL VOLUMES", "LocalVolumes"),
]


def columns(*, no_trunc: bool) -> list[Column]:
    """Of a container; docker knows a platform only where the engine lists the manifests of an image."""
    known = [(heading, key, partial(_cell, key=key, no_trunc=no_trunc)) for heading, key in _HEADINGS]
    return labelled([*known, ("PLATFORM", "Platform", _platform)])


def _platform(row: Row) -> Stringer | None:
    found = (row.get("ImageManifestDescriptor") or {}).get("platform")
    return Stringer(found, platform_text(found)) if found else None


def _cell(row: Row, *, key: str, no_trunc: bool) -> str:  # noqa: C901  # one line per column
    match key:
        case "ID":
            return str(row["Id"] if no_trunc else row["Id"][:12])
        case "Image":
            return str(row["Image"])
        case "Command":
            command = row["Command"]
            return json.dumps(command if no_trunc else ellipsis(command, 20), ensure_ascii=False)
        case "RunningFor":
            return ago(row["Created"])
        case "CreatedAt":
            return local_time(row["Created"])
        case "Ports":
            return ports(row.get("Ports") or [])
        case "Names":
            return ",".join(name.lstrip("/") for name in row["Names"] if name.count("/") == 1)
        case "Size":
            total = row.get("SizeRootFs") or 0
            return size(row.get("SizeRw") or 0) + (f" (virtual {size(total)})" if total else "")
        case "Mounts":
            names = [mount.get("Name") or mount.get("Source", "") for mount in row.get("Mounts") or []]
            return ",".join(name if no_trunc else ellipsis(name, 15) for name in names)
        case "Networks":
            return ",".join((row.get("NetworkSettings") or {}).get("Networks") or {})
        case "LocalVolumes":
            return str(sum(mount.get("Driver") == "local" for mount in row.get("Mounts") or []))
    return str(row[key])


def ports(listed: list[Row]) -> str:
    """Published ports as `0.0.0.0:8080->80/tcp`, runs of neighbours joined into ranges."""
    spans: list[list[int]] = []
    groups: list[tuple[str, str]] = []
    for entry in sorted(listed, key=lambda one: (one.get("IP", ""), one["Type"], one["PrivatePort"])):
        group = (entry.get("IP", ""), entry["Type"])
        private, public = entry["PrivatePort"], entry.get("PublicPort", 0)
        if groups and groups[-1] == group and _continues(spans[-1], private, public):
            spans[-1][1], spans[-1][3] = private, public
        else:
            groups.append(group)
            spans.append([private, private, public, public])
    return ", ".join(_span(*group, *span) for group, span in zip(groups, spans, strict=True))


def _continues(span: list[int], private: int, public: int) -> bool:
    return private == span[1] + 1 and (public == span[3] + 1 if public else span[3] == 0)


def _span(address: str, protocol: str, first: int, last: int, public_first: int, public_last: int) -> str:
    private = f"{first}-{last}" if last != first else str(first)
    if not public_first:
        return f"{private}/{protocol}"
    public = f"{public_first}-{public_last}" if public_last != public_first else str(public_first)
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{public}->{private}/{protocol}"
