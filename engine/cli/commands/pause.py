"""`wherry pause` and `wherry unpause`."""

import click

from engine.cli.client import Daemon
from engine.cli.each import for_each
from engine.cli.grammar import Command, pass_daemon


@click.command(cls=Command)
@click.argument("containers", nargs=-1, required=True)
@pass_daemon
def pause(daemon: Daemon, containers: tuple[str, ...]) -> None:
    """Pause all processes within one or more containers."""
    for_each(containers, lambda name: daemon.post(f"/containers/{name}/pause"))


@click.command(cls=Command)
@click.argument("containers", nargs=-1, required=True)
@pass_daemon
def unpause(daemon: Daemon, containers: tuple[str, ...]) -> None:
    """Unpause all processes within one or more containers."""
    for_each(containers, lambda name: daemon.post(f"/containers/{name}/unpause"))
