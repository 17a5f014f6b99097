"""`wherry system df`."""

from dataclasses import dataclass
from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.formats import print_rows
from engine.cli.grammar import FORMAT_HELP, Command, pass_daemon
from engine.cli.humane import size

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One line: how many there are and are in use, their bytes, and those that a prune would give back."""

    name: str
    total: int
    active: int
    size: int
    reclaimable: int

    @property
    def share(self) -> str:
        """Of the reclaimable, as docker shows it: none of the build cache, and none of nothing."""
        return f" ({100 * self.reclaimable // self.size}%)" if self.size > 0 and self.name != "Build Cache" else ""


@click.command(cls=Command)
@click.option("--format", "template", help=FORMAT_HELP)
@click.option("--verbose", "-v", is_flag=True, help="Show detailed information on space usage.")
@pass_daemon
def df(daemon: Daemon, template: str | None, verbose: bool) -> None:
    """Show disk usage of images, containers, volumes, the build cache and logs."""
    usage = daemon.get("/system/df")
    if verbose:
        from engine.cli.commands.df_verbose import show

        show(usage, template)
        return
    print_rows(
        [{"kind": kind} for kind in kinds(usage)],
        [
            ("TYPE", "Type", lambda row: row["kind"].name),
            ("TOTAL", "TotalCount", lambda row: str(row["kind"].total)),
            ("ACTIVE", "Active", lambda row: str(row["kind"].active)),
            ("SIZE", "Size", lambda row: size(row["kind"].size, 4)),
            ("RECLAIMABLE", "Reclaimable", lambda row: size(row["kind"].reclaimable, 4) + row["kind"].share),
        ],
        ["Type", "TotalCount", "Active", "Size", "Reclaimable"],
        template,
    )


def kinds(usage: Row) -> list[Kind]:
    """Docker's four, and the logs where the engine, one of ours, counts them."""
    images, containers, volumes, cache = (
        usage.get(key) or [] for key in ("Images", "Containers", "Volumes", "BuildCache")
    )
    used = [one for one in images if one.get("Containers", 0) > 0]
    layers = usage.get("LayersSize") or 0
    held = sum(one["Size"] - one["SharedSize"] for one in used if one.get("SharedSize", -1) >= 0)
    running = [one for one in containers if one.get("State") == "running"]
    found = [
        Kind("Images", len(images), len(used), layers, layers - held),
        _kind("Containers", containers, running, "SizeRw"),
        _volumes(volumes),
        _kind("Build Cache", cache, [one for one in cache if one.get("InUse")], "Size"),
    ]
    if any("SizeLogs" in one for one in containers):
        logs = [one for one in containers if one.get("SizeLogs")]
        found.append(_kind("Logs", logs, [one for one in logs if one in running], "SizeLogs"))
    return found


def _kind(name: str, rows: list[Row], active: list[Row], key: str) -> Kind:
    total, kept = (sum(row.get(key) or 0 for row in some) for some in (rows, active))
    return Kind(name, len(rows), len(active), total, total - kept)


def _volumes(volumes: list[Row]) -> Kind:
    counted = [one.get("UsageData") or {} for one in volumes]
    sizes = [{"Size": max(one.get("Size", 0), 0), "used": one.get("RefCount", 0) > 0} for one in counted]
    return _kind("Local Volumes", sizes, [one for one in sizes if one["used"]], "Size")
