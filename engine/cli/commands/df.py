"""`wherry system df`."""

import click

from engine.cli.client import Daemon
from engine.cli.formats import print_rows
from engine.cli.grammar import FORMAT_HELP, Command, pass_daemon
from engine.cli.humane import size


@click.command(cls=Command)
@click.option("--format", "template", help=FORMAT_HELP)
@click.option("--verbose", "-v", is_flag=True, help="Show detailed information on space usage.")
@pass_daemon
def df(daemon: Daemon, template: str | None, verbose: bool) -> None:
    """Show disk usage of images, containers and volumes."""
    usage = daemon.get("/system/df")
    if verbose:
        from engine.cli.commands.df_verbose import show

        show(usage, template)
        return
    images, containers, volumes = (usage.get(key) or [] for key in ("Images", "Containers", "Volumes"))
    used = [one for one in images if one.get("Containers", 0) > 0]
    running = [one for one in containers if one.get("State") == "running"]
    in_use = [one for one in volumes if (one.get("UsageData") or {}).get("RefCount", 0) > 0]
    sizes = {
        "Images": (len(images), len(used), usage.get("LayersSize") or 0, _unshared(images, used)),
        "Containers": (len(containers), len(running), _all(containers, "SizeRw"), _sum(containers, running, "SizeRw")),
        "Local Volumes": (len(volumes), len(in_use), _volumes(volumes), _volumes(volumes) - _volumes(in_use)),
    }
    logs = [one for one in containers if one.get("SizeLogs")]
    if any("SizeLogs" in one for one in containers):  # an engine of ours counts them
        busy = [one for one in logs if one.get("State") == "running"]
        sizes["Logs"] = (len(logs), len(busy), _all(logs, "SizeLogs"), _sum(logs, busy, "SizeLogs"))
    cache = usage.get("BuildCache") or []
    if cache:
        used_records = [one for one in cache if one.get("InUse")]
        sizes["Build Cache"] = (len(cache), len(used_records), _all(cache, "Size"), _sum(cache, used_records, "Size"))
    print_rows(
        [{"type": kind, "row": row} for kind, row in sizes.items()],
        [
            ("TYPE", "Type", lambda one: one["type"]),
            ("TOTAL", "TotalCount", lambda one: str(one["row"][0])),
            ("ACTIVE", "Active", lambda one: str(one["row"][1])),
            ("SIZE", "Size", lambda one: size(one["row"][2], 4)),
            ("RECLAIMABLE", "Reclaimable", lambda one: size(one["row"][3], 4)),
        ],
        ["Type", "TotalCount", "Active", "Size", "Reclaimable"],
        template,
    )


def _unshared(images: list[dict[str, int]], used: list[dict[str, int]]) -> int:
    """What unused images alone hold: removing one leaves what others share with it."""
    return sum(one["Size"] - max(one.get("SharedSize") or 0, 0) for one in images if one not in used)


def _all(rows: list[dict[str, int]], key: str) -> int:
    return sum(row.get(key) or 0 for row in rows)


def _sum(rows: list[dict[str, int]], kept: list[dict[str, int]], key: str) -> int:
    return _all(rows, key) - _all(kept, key)


def _volumes(rows: list[dict[str, dict[str, int]]]) -> int:
    return sum(max(0, (row.get("UsageData") or {}).get("Size", 0)) for row in rows)
