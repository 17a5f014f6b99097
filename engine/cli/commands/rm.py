"""`wherry rm`."""

import click

from engine.cli.client import Daemon
from engine.cli.each import for_each
from engine.cli.errors import DaemonError
from engine.cli.grammar import Command, pass_daemon


@click.command(cls=Command)
@click.option("--force", "-f", is_flag=True, help="Force the removal of a running container (uses SIGKILL).")
@click.option("--link", "-l", is_flag=True, help="Remove the specified link.")
@click.option("--volumes", "-v", is_flag=True, help="Remove anonymous volumes associated with the container.")
@click.argument("containers", nargs=-1, required=True)
@pass_daemon
def rm(daemon: Daemon, containers: tuple[str, ...], force: bool, link: bool, volumes: bool) -> None:
    """Remove one or more containers."""
    flags = {"force": force or None, "link": link or None, "v": volumes or None}

    def remove(name: str) -> None:
        try:
            daemon.delete(f"/containers/{name.lstrip('/')}", **flags)
        except DaemonError as error:
            if not force or error.status != 404:
                raise
            error.show()  # with --force, gone is what was wanted
        else:
            click.echo(name)

    for_each(containers, remove, quiet=True)
