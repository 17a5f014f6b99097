"""`wherry rename`."""

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed, DaemonError
from engine.cli.grammar import Command, pass_daemon


@click.command(cls=Command)
@click.argument("container")
@click.argument("new_name")
@pass_daemon
def rename(daemon: Daemon, container: str, new_name: str) -> None:
    """Rename a container."""
    try:
        daemon.post(f"/containers/{container}/rename", name=new_name)
    except DaemonError as error:
        error.show()
        raise CommandFailed(f"Error: failed to rename container named {container}") from None
