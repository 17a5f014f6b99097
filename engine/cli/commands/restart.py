"""`wherry restart`."""

import click

from engine.cli.client import Daemon
from engine.cli.each import for_each
from engine.cli.grammar import Command, pass_daemon


@click.command(cls=Command)
@click.option("--signal", "-s", help="Signal to send to the container.")
@click.option("--timeout", "--time", "-t", "seconds", type=int, help="Seconds to wait before killing the container.")
@click.argument("containers", nargs=-1, required=True)
@pass_daemon
def restart(daemon: Daemon, containers: tuple[str, ...], signal: str | None, seconds: int | None) -> None:
    """Restart one or more containers."""
    for_each(containers, lambda name: daemon.post(f"/containers/{name}/restart", t=seconds, signal=signal))
