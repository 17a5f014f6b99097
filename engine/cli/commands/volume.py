"""`wherry volume create|ls|rm`."""

from collections.abc import Callable

import click

from engine.cli.client import Daemon
from engine.cli.container_config import key_values
from engine.cli.each import for_each
from engine.cli.formats import Column, Row, by_name, labelled, print_rows
from engine.cli.grammar import FORMAT_HELP, Command, filters_from, pass_daemon
from engine.cli.humane import size

_NOT_THERE = "N/A"


@click.command(cls=Command)
@click.option("--driver", "-d", default="local", help="Specify volume driver name.")
@click.option("--label", multiple=True, help="Set metadata for a volume.")
@click.option("--opt", "-o", multiple=True, help="Set driver specific options.")
@click.option("--name", help="Specify volume name.", hidden=True)
@click.argument("volume", required=False)
@pass_daemon
def create(
    daemon: Daemon, volume: str | None, name: str | None, driver: str, label: tuple[str, ...], opt: tuple[str, ...]
) -> None:
    """Create a volume; without a name it gets a random one."""
    body = {
        "Name": volume or name or "",
        "Driver": driver,
        "DriverOpts": key_values(opt),
        "Labels": key_values(label),
    }
    click.echo(daemon.post("/volumes/create", body)["Name"])


@click.command("ls", cls=Command)
@click.option("--filter", "-f", "filters", multiple=True, help="Provide filter values (e.g. dangling=true).")
@click.option("--format", "template", help=FORMAT_HELP)
@click.option("--quiet", "-q", is_flag=True, help="Only display volume names.")
@pass_daemon
def list_(daemon: Daemon, filters: tuple[str, ...], template: str | None, quiet: bool) -> None:
    """List volumes."""
    print_rows(
        by_name(daemon.get("/volumes", filters=filters_from(filters))["Volumes"] or []),
        columns(),
        ["Driver", "Name"],
        template,
        quiet_key="Name" if quiet else "",
    )


def columns() -> list[Column]:
    """Of a volume; what only `system df` counts, and what only a cluster's volumes have, is N/A."""
    known: list[Column] = [
        ("DRIVER", "Driver", lambda row: row["Driver"]),
        ("VOLUME NAME", "Name", lambda row: row["Name"]),
        ("MOUNTPOINT", "Mountpoint", lambda row: row["Mountpoint"]),
        ("SCOPE", "Scope", lambda row: row["Scope"]),
        ("LINKS", "Links", lambda row: _usage(row, "RefCount", str)),
        ("SIZE", "Size", lambda row: _usage(row, "Size", size)),
        *((heading, heading.capitalize(), lambda row: _NOT_THERE) for heading in ("AVAILABILITY", "GROUP", "STATUS")),
    ]
    return labelled(known)


def _usage(row: Row, key: str, form: Callable[[int], str]) -> str:
    counted = (row.get("UsageData") or {}).get(key, -1)
    return form(counted) if counted >= 0 else _NOT_THERE


@click.command("rm", cls=Command)
@click.option("--force", "-f", is_flag=True, help="Force the removal of one or more volumes.")
@click.argument("volumes", nargs=-1, required=True)
@pass_daemon
def remove(daemon: Daemon, volumes: tuple[str, ...], force: bool) -> None:
    """Remove one or more volumes."""
    for_each(volumes, lambda name: daemon.delete(f"/volumes/{name}", force=force or None))
