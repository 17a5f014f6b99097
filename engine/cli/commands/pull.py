"""`wherry pull`."""

import click

from engine.cli.client import Daemon
from engine.cli.grammar import Command, pass_daemon
from engine.cli.pulling import pull as pull_image
from engine.cli.pulling import split_tag


@click.command(cls=Command)
@click.option("--all-tags", "-a", is_flag=True, help="Download all tagged images in the repository.")
@click.option("--platform", help="Set platform if server is multi-platform capable.")
@click.option("--quiet", "-q", is_flag=True, help="Suppress verbose output.")
@click.argument("reference", metavar="NAME[:TAG|@DIGEST]")
@pass_daemon
def pull(daemon: Daemon, reference: str, all_tags: bool, platform: str | None, quiet: bool) -> None:
    """Download an image from a registry."""
    name, tag = split_tag(reference)
    if not quiet and not all_tags and reference == name:
        click.echo(f"Using default tag: {tag}")
    pull_image(daemon, reference, platform=platform, quiet=quiet, all_tags=all_tags)
    if quiet:
        click.echo(f"{name}@{tag}" if tag.startswith("sha256:") else f"{name}:{tag}")
