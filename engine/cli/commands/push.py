"""`wherry push`."""

import base64
import json

import click

from engine.cli.client import Daemon
from engine.cli.grammar import Command, pass_daemon
from engine.cli.pulling import auth_header, show_progress, split_tag


@click.command(cls=Command)
@click.option("--all-tags", "-a", is_flag=True, help="Push all tags of an image to the repository.")
@click.option("--platform", help="Push a platform-specific manifest as a single-platform image.")
@click.option("--quiet", "-q", is_flag=True, help="Suppress verbose output.")
@click.argument("reference", metavar="NAME[:TAG]")
@pass_daemon
def push(daemon: Daemon, reference: str, all_tags: bool, platform: str | None, quiet: bool) -> None:
    """Upload an image to a registry."""
    name, tag = split_tag(reference)
    # The API wants the header also where there is nothing to say.
    headers = auth_header(reference) or {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps({}).encode()).decode()}
    params = {"tag": None if all_tags else tag, "platform": platform}
    show_progress(daemon.objects("POST", f"/images/{name}/push", params, headers=headers), quiet=quiet)
    if quiet:
        click.echo(f"{name}:{tag}")
