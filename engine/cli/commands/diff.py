"""`wherry diff`."""

import click

from engine.cli.client import Daemon
from engine.cli.grammar import Command, pass_daemon

_KINDS = "CAD"  # changed, added, deleted, as the API numbers them


@click.command(cls=Command)
@click.argument("container")
@pass_daemon
def diff(daemon: Daemon, container: str) -> None:
    """Inspect changes to files or directories on a container's filesystem."""
    for change in daemon.get(f"/containers/{container}/changes") or []:
        click.echo(f"{_KINDS[change['Kind']]} {change['Path']}")
