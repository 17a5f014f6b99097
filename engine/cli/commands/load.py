"""`wherry load`."""

import sys

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed, unreadable
from engine.cli.grammar import Command, pass_daemon
from engine.cli.platforms import platform_documents
from engine.cli.pulling import show_progress


@click.command(cls=Command)
@click.option("--input", "-i", "source", help="Read from tar archive file, instead of STDIN.")
@click.option("--platform", "platforms", multiple=True, help="Load only the given platform variant.")
@click.option("--quiet", "-q", is_flag=True, help="Suppress the load output.")
@pass_daemon
def load(daemon: Daemon, source: str | None, platforms: tuple[str, ...], quiet: bool) -> None:
    """Load an image from a tar archive or STDIN."""
    if source is None and sys.stdin.isatty():
        raise CommandFailed("requested load from stdin, but stdin is empty")
    try:
        archive = open(source, "rb") if source else sys.stdin.buffer  # noqa: SIM115  # standard input stays open
    except OSError as error:
        raise CommandFailed(unreadable(source, error)) from error
    params = {"quiet": quiet or not sys.stdout.isatty(), "platform": platform_documents(daemon, platforms)}
    headers = {"Content-Type": "application/x-tar"}
    try:
        show_progress(daemon.objects("POST", "/images/load", params, headers=headers, upload=archive))
    finally:
        if source:
            archive.close()
