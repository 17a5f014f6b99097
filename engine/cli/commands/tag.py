"""`wherry tag`."""

import click

from engine.cli.client import Daemon
from engine.cli.grammar import Command, pass_daemon
from engine.cli.pulling import split_tag


@click.command(cls=Command)
@click.argument("source", metavar="SOURCE_IMAGE[:TAG]")
@click.argument("target", metavar="TARGET_IMAGE[:TAG]")
@pass_daemon
def tag(daemon: Daemon, source: str, target: str) -> None:
    """Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE."""
    repository, name = split_tag(target)
    daemon.post(f"/images/{source}/tag", repo=repository, tag=name)
