"""`wherry export`."""

import sys

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed
from engine.cli.grammar import Command, pass_daemon
from engine.cli.saving import save_to


@click.command(cls=Command)
@click.option("--output", "-o", help="Write to a file, instead of STDOUT.")
@click.argument("container")
@pass_daemon
def export(daemon: Daemon, container: str, output: str | None) -> None:
    """Export a container's filesystem as a tar archive."""
    if output is None and sys.stdout.isatty():
        raise CommandFailed("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    with daemon.open("GET", f"/containers/{container}/export", {}) as response:
        save_to(response, output)
