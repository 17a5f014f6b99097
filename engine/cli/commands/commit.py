"""`wherry commit`."""

import click

from engine.cli.client import Daemon
from engine.cli.grammar import Command, pass_daemon
from engine.cli.pulling import split_tag


@click.command(cls=Command)
@click.option("--author", "-a", help="Author.")
@click.option("--change", "-c", multiple=True, help="Apply Dockerfile instruction to the created image.")
@click.option("--message", "-m", help="Commit message.")
@click.option("--pause/--no-pause", "-p", default=True, help="Pause container during commit.")
@click.argument("container")
@click.argument("reference", metavar="[REPOSITORY[:TAG]]", required=False)
@pass_daemon
def commit(
    daemon: Daemon,
    container: str,
    reference: str | None,
    author: str | None,
    change: tuple[str, ...],
    message: str | None,
    pause: bool,
) -> None:
    """Create a new image from a container's changes."""
    repository, tag = split_tag(reference) if reference else (None, None)
    made = daemon.post(
        "/commit",
        {},
        container=container,
        repo=repository,
        tag=tag,
        author=author,
        comment=message,
        changes=list(change),
        pause=pause,
    )
    click.echo(made["Id"])
