"""`wherry create`: make a container without starting it; `run` begins with the same steps."""

import os
from typing import Any

import click

from engine.cli import proxies
from engine.cli.client import Daemon
from engine.cli.container_config import Flags, create_body
from engine.cli.container_flags import container_flags
from engine.cli.errors import CommandFailed, DaemonError
from engine.cli.grammar import Command, pass_daemon
from engine.cli.pulling import pull


@click.command(cls=Command, raw_tail=True, context_settings={"help_option_names": ["--help"]})
@container_flags
@click.argument("image")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@pass_daemon
def create(daemon: Daemon, /, image: str, command: tuple[str, ...], **flags: Any) -> None:
    """Create a new container from IMAGE, with COMMAND instead of the image's own where one is given."""
    click.echo(create_container(daemon, image, command, flags))


def create_container(
    daemon: Daemon, image: str, command: tuple[str, ...], flags: Flags, *, detach: bool = False
) -> str:
    """Create it, pulling the image where the flags want that; the new container's id."""
    _refuse_taken_cidfile(flags["cidfile"])
    body = create_body(image, command, flags, detach=detach)
    if found := proxies.words(daemon.address.text, body.get("Env") or []):
        body["Env"] = [*(body.get("Env") or []), *found]
    params = {"name": flags["name"], "platform": flags["platform"]}
    if flags["pull"] == "always":
        pull(daemon, image, platform=flags["platform"], quiet=flags["quiet"])
    try:
        made = daemon.call("POST", "/containers/create", params, body)
    except DaemonError as error:
        if error.status != 404 or "o such image" not in error.reason or flags["pull"] == "never":
            raise
        click.echo(f"Unable to find image '{_with_tag(image)}' locally", err=True)
        pull(daemon, image, platform=flags["platform"], quiet=flags["quiet"])
        made = daemon.call("POST", "/containers/create", params, body)
    for warning in made.get("Warnings") or []:
        click.echo(f"WARNING: {warning}", err=True)
    if flags["cidfile"]:
        with open(flags["cidfile"], "x") as file:
            file.write(made["Id"])
    return str(made["Id"])


def _refuse_taken_cidfile(path: str | None) -> None:
    if path and os.path.lexists(path):
        raise CommandFailed(
            f"container ID file found, make sure the other container isn't running or delete {path}", 125
        )


def _with_tag(image: str) -> str:
    return image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"
