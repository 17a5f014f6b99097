"""`wherry wait`."""

import click

from engine.cli.client import Daemon
from engine.cli.each import for_each
from engine.cli.grammar import Command, pass_daemon


@click.command(cls=Command)
@click.argument("containers", nargs=-1, required=True)
@pass_daemon
def wait(daemon: Daemon, containers: tuple[str, ...]) -> None:
    """Block until one or more containers stop, then print their exit codes."""
    for_each(containers, lambda name: click.echo(daemon.post(f"/containers/{name}/wait")["StatusCode"]), quiet=True)
