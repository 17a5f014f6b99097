"""`wherry logs`."""

import time

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed
from engine.cli.grammar import Command, pass_daemon
from engine.cli.humane import parse_duration
from engine.cli.streams import copy_output


@click.command(cls=Command)
@click.option("--details", is_flag=True, help="Show extra details provided to logs.")
@click.option("--follow", "-f", is_flag=True, help="Follow log output.")
@click.option("--since", help="Show logs since timestamp (2013-01-02T13:23:37Z) or relative (42m for 42 minutes).")
@click.option("--tail", "-n", default="all", help="Number of lines to show from the end of the logs.")
@click.option("--timestamps", "-t", is_flag=True, help="Show timestamps.")
@click.option("--until", help="Show logs before a timestamp or relative.")
@click.argument("container")
@pass_daemon
def logs(
    daemon: Daemon,
    container: str,
    details: bool,
    follow: bool,
    since: str | None,
    tail: str,
    timestamps: bool,
    until: str | None,
) -> None:
    """Fetch the logs of a container."""
    tty = daemon.get(f"/containers/{container}/json")["Config"]["Tty"]
    params = {
        "stdout": 1,
        "stderr": 1,
        "follow": follow or None,
        "details": details or None,
        "timestamps": timestamps or None,
        "tail": tail,
        "since": moment(since),
        "until": moment(until),
    }
    with daemon.open("GET", f"/containers/{container}/logs", params) as response:
        copy_output(lambda: response.read1(65536), multiplexed=not tty)


def moment(text: str | None) -> str | None:
    """A time as the API takes it, from an RFC 3339 time, a number of seconds, or an age like `10m`."""
    if text is None or text.replace(".", "", 1).isdigit():
        return text
    from engine.cli.humane import unix_time

    try:
        if text[:4].isdigit() and "-" in text:
            return repr(unix_time(text))
    except ValueError as error:
        raise CommandFailed(f'failed to parse value as time or duration: "{text}"') from error
    try:
        return f"{time.time() - parse_duration(text) / 1e9:.9f}"
    except CommandFailed:
        raise CommandFailed(f'failed to parse value as time or duration: "{text}"') from None
