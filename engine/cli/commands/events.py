"""`wherry events`."""

import time

import click

from engine.cli.client import Daemon
from engine.cli.commands.logs import moment
from engine.cli.formats import print_object
from engine.cli.grammar import FORMAT_HELP, Command, filters_from, pass_daemon


@click.command(cls=Command)
@click.option("--filter", "-f", "filters", multiple=True, help="Filter output based on conditions provided.")
@click.option("--format", "template", help=FORMAT_HELP)
@click.option("--since", help="Show all events created since timestamp.")
@click.option("--until", help="Stream events until this timestamp.")
@pass_daemon
def events(
    daemon: Daemon, filters: tuple[str, ...], template: str | None, since: str | None, until: str | None
) -> None:
    """Get real time events from the daemon."""
    params = {"filters": filters_from(filters), "since": moment(since), "until": moment(until)}
    for event in daemon.objects("GET", "/events", params):
        if template is not None:
            print_object(event, template)
            continue
        stamp = event["timeNano"]
        actor = event["Actor"]
        attributes = ", ".join(f"{name}={value}" for name, value in sorted((actor.get("Attributes") or {}).items()))
        zone = time.strftime("%z", time.localtime(stamp // 10**9))
        moment_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(stamp // 10**9))
        head = f"{moment_text}.{stamp % 10**9:09d}{zone[:3]}:{zone[3:]}"
        click.echo(f"{head} {event['Type']} {event['Action']} {actor['ID']} ({attributes})")
