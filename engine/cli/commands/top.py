"""`wherry top`."""

import click

from engine.cli.client import Daemon
from engine.cli.formats import table
from engine.cli.grammar import Command, pass_daemon


@click.command(cls=Command, raw_tail=True)
@click.argument("container")
@click.argument("ps_options", nargs=-1, type=click.UNPROCESSED)
@pass_daemon
def top(daemon: Daemon, container: str, ps_options: tuple[str, ...]) -> None:
    """Display the running processes of a container."""
    listed = daemon.get(f"/containers/{container}/top", ps_args=" ".join(ps_options) or None)
    click.echo(table([listed["Titles"], *listed["Processes"]], minimum=20))
