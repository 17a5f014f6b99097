"""`wherry attach`: take a running container's streams; ends with its exit code, or 0 after the detach keys."""

import json

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed, ExitWith
from engine.cli.grammar import Command, pass_daemon
from engine.cli.session import forward_signals, resizer, talk
from engine.cli.terminal import is_terminal


@click.command(cls=Command)
@click.option("--detach-keys", help="Override the key sequence for detaching a container.")
@click.option("--no-stdin", is_flag=True, help="Do not attach STDIN.")
@click.option("--sig-proxy/--no-sig-proxy", default=True, help="Proxy all received signals to the process.")
@click.argument("container")
@pass_daemon
def attach(daemon: Daemon, container: str, detach_keys: str | None, no_stdin: bool, sig_proxy: bool) -> None:
    """Attach local standard input, output, and error streams to a running container."""
    found = daemon.get(f"/containers/{container}/json")
    if not found["State"]["Running"]:
        raise CommandFailed("You cannot attach to a stopped container, start it first")
    if found["State"]["Paused"]:
        raise CommandFailed("You cannot attach to a paused container, unpause it first")
    identifier, tty = found["Id"], found["Config"]["Tty"]
    stdin = found["Config"]["OpenStdin"] and not no_stdin
    if tty and stdin and not is_terminal():
        raise CommandFailed("the input device is not a TTY")
    connection = daemon.hijack(
        f"/containers/{identifier}/attach",
        {"stream": 1, "stdin": int(stdin), "stdout": 1, "stderr": 1, "detachKeys": detach_keys},
    )
    waiting = daemon.open("POST", f"/containers/{identifier}/wait", {})
    with waiting, forward_signals(daemon, identifier, enabled=sig_proxy and not tty):
        talk(connection, tty=tty, stdin=stdin, resize=resizer(daemon, f"/containers/{identifier}"))
        if tty and daemon.get(f"/containers/{identifier}/json")["State"]["Running"]:
            return  # detached by its keys
        raise ExitWith(json.loads(waiting.read())["StatusCode"])
