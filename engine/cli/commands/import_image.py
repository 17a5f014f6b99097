"""`wherry import`."""

import sys

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed, unreadable
from engine.cli.grammar import Command, pass_daemon
from engine.cli.pulling import show_progress, split_tag


@click.command("import", cls=Command)
@click.option("--change", "-c", multiple=True, help="Apply Dockerfile instruction to the created image.")
@click.option("--message", "-m", help="Set commit message for imported image.")
@click.option("--platform", help="Set platform if server is multi-platform capable.")
@click.argument("source", metavar="FILE|URL|-")
@click.argument("reference", metavar="[REPOSITORY[:TAG]]", required=False)
@pass_daemon
def import_(
    daemon: Daemon,
    source: str,
    reference: str | None,
    change: tuple[str, ...],
    message: str | None,
    platform: str | None,
) -> None:
    """Import the contents from a tarball to create a filesystem image."""
    repository, tag = split_tag(reference) if reference else (None, None)
    is_url = source.startswith(("http://", "https://"))
    params = {
        "fromSrc": source if is_url else "-",
        "repo": repository,
        "tag": tag,
        "changes": list(change),
        "message": message,
        "platform": platform,
    }
    if is_url:
        show_progress(daemon.objects("POST", "/images/create", params))
        return
    try:
        archive = sys.stdin.buffer if source == "-" else open(source, "rb")  # noqa: SIM115
    except OSError as error:
        raise CommandFailed(unreadable(source, error)) from error
    with archive:
        show_progress(daemon.objects("POST", "/images/create", params, upload=archive))
