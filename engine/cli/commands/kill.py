"""`wherry kill`."""

import click

from engine.cli.client import Daemon
from engine.cli.each import for_each
from engine.cli.grammar import Command, pass_daemon


@click.command(cls=Command)
@click.option("--signal", "-s", help="Signal to send to the container.")
@click.argument("containers", nargs=-1, required=True)
@pass_daemon
def kill(daemon: Daemon, signal: str | None, containers: tuple[str, ...]) -> None:
    """Kill one or more running containers."""
    for_each(containers, lambda name: daemon.post(f"/containers/{name}/kill", signal=signal))
