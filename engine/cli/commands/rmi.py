"""`wherry rmi`."""

import click

from engine.cli.client import Daemon
from engine.cli.each import for_each
from engine.cli.grammar import Command, pass_daemon
from engine.cli.platforms import platform_document


@click.command(cls=Command)
@click.option("--force", "-f", is_flag=True, help="Force removal of the image.")
@click.option("--no-prune", is_flag=True, help="Do not delete untagged parents.")
@click.option("--platform", "platforms", multiple=True, help="Remove only the given platform variant.")
@click.argument("images", nargs=-1, required=True)
@pass_daemon
def rmi(daemon: Daemon, images: tuple[str, ...], force: bool, no_prune: bool, platforms: tuple[str, ...]) -> None:
    """Remove one or more images."""

    chosen = [platform_document(one) for one in platforms] or None

    def remove(name: str) -> None:
        gone = daemon.delete(f"/images/{name}", force=force or None, noprune=no_prune or None, platforms=chosen)
        for entry in gone:
            for verb, what in entry.items():
                click.echo(f"{verb}: {what}")

    for_each(images, remove, quiet=True)
