"""`wherry stats`: usage of the containers named, or of all that run; refreshed each second until interrupted."""

import concurrent.futures
import sys
from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.formats import print_rows
from engine.cli.grammar import FORMAT_HELP, Command, pass_daemon
from engine.cli.humane import size

_SHOWN = ["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"]


@click.command(cls=Command)
@click.option("--all", "-a", "every", is_flag=True, help="Show all containers (default shows just running).")
@click.option("--format", "template", help=FORMAT_HELP)
@click.option("--no-stream", is_flag=True, help="Disable streaming stats and only pull the first result.")
@click.option("--no-trunc", is_flag=True, help="Do not truncate output.")
@click.argument("containers", nargs=-1)
@pass_daemon
def stats(
    daemon: Daemon, containers: tuple[str, ...], every: bool, template: str | None, no_stream: bool, no_trunc: bool
) -> None:
    """Display a live stream of container resource usage statistics."""
    while True:
        names = containers or tuple(one["Id"] for one in daemon.get("/containers/json", all=every or None))
        with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
            # The engine takes two samples a second apart for a rate to show: ask for all containers at once.
            found = pool.map(lambda name: daemon.get(f"/containers/{name}/stats", stream=False), names)
            samples = [{**sample, "_asked_for": name} for name, sample in zip(names, found, strict=True)]
        if not no_stream and sys.stdout.isatty():
            click.clear()
        print_rows(samples, _columns(no_trunc=no_trunc), _SHOWN, template)
        if no_stream:
            return


def _columns(*, no_trunc: bool) -> list[Any]:
    return [
        ("CONTAINER ID", "ID", lambda row: row["id"] if no_trunc else row["id"][:12]),
        ("CONTAINER", "Container", lambda row: row["_asked_for"]),
        ("NAME", "Name", lambda row: row["name"].lstrip("/")),
        ("CPU %", "CPUPerc", lambda row: f"{cpu_percent(row):.2f}%"),
        ("MEM USAGE / LIMIT", "MemUsage", _memory),
        ("MEM %", "MemPerc", _memory_percent),
        ("NET I/O", "NetIO", _network),
        ("BLOCK I/O", "BlockIO", _blocks),
        ("PIDS", "PIDs", lambda row: str((row.get("pids_stats") or {}).get("current", 0))),
    ]


def cpu_percent(row: dict[str, Any]) -> float:
    """Share of one processor between the two samples, times a hundred, as docker counts it."""
    now, before = row.get("cpu_stats") or {}, row.get("precpu_stats") or {}
    used = _total(now) - _total(before)
    system = now.get("system_cpu_usage", 0) - before.get("system_cpu_usage", 0)
    if used <= 0 or system <= 0:
        return 0.0
    return float(used / system * (now.get("online_cpus") or 1) * 100)


def _total(cpu: dict[str, Any]) -> int:
    return int((cpu.get("cpu_usage") or {}).get("total_usage", 0))


def memory_used(row: dict[str, Any]) -> int:
    """Usage without the page cache that can be dropped."""
    memory = row.get("memory_stats") or {}
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return max(0, int(memory.get("usage", 0)) - int(cache))


def _memory(row: dict[str, Any]) -> str:
    limit = (row.get("memory_stats") or {}).get("limit", 0)
    return f"{size(memory_used(row), 4, binary=True)} / {size(limit, 4, binary=True)}"


def _memory_percent(row: dict[str, Any]) -> str:
    limit = (row.get("memory_stats") or {}).get("limit", 0)
    return f"{memory_used(row) / limit * 100 if limit else 0:.2f}%"


def _network(row: dict[str, Any]) -> str:
    links = (row.get("networks") or {}).values()
    return f"{size(sum(link['rx_bytes'] for link in links))} / {size(sum(link['tx_bytes'] for link in links))}"


def _blocks(row: dict[str, Any]) -> str:
    entries = (row.get("blkio_stats") or {}).get("io_service_bytes_recursive") or []
    totals = {kind: sum(one["value"] for one in entries if one["op"].lower() == kind) for kind in ("read", "write")}
    return f"{size(totals['read'])} / {size(totals['write'])}"
