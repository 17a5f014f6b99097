"""`wherry rmi`."""

import click

from engine.cli.client import Daemon
from engine.cli.each import for_each
from engine.cli.grammar import Command, pass_daemon


@click.command(cls=Command)
@click.option("--force", "-f", is_flag=True, help="Force removal of the image.")
@click.option("--no-prune", is_flag=True, help="Do not delete untagged parents.")
@click.argument("images", nargs=-1, required=True)
@pass_daemon
def rmi(daemon: Daemon, images: tuple[str, ...], force: bool, no_prune: bool) -> None:
    """Remove one or more images."""

    def remove(name: str) -> None:
        for entry in daemon.delete(f"/images/{name}", force=force or None, noprune=no_prune or None):
            for verb, what in entry.items():
                click.echo(f"{verb}: {what}")

    for_each(images, remove, quiet=True)
