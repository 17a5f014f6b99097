"""`wherry save`."""

import sys

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed
from engine.cli.grammar import Command, pass_daemon
from engine.cli.platforms import platform_documents
from engine.cli.saving import save_to


@click.command(cls=Command)
@click.option("--output", "-o", help="Write to a file, instead of STDOUT.")
@click.option("--platform", "platforms", multiple=True, help="Save only the given platform variant.")
@click.argument("images", nargs=-1, required=True)
@pass_daemon
def save(daemon: Daemon, images: tuple[str, ...], output: str | None, platforms: tuple[str, ...]) -> None:
    """Save one or more images to a tar archive (streamed to STDOUT by default)."""
    if output is None and sys.stdout.isatty():
        raise CommandFailed("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    wanted = platform_documents(daemon, platforms)
    with daemon.open("GET", "/images/get", {"names": list(images), "platform": wanted}) as response:
        save_to(response, output)
