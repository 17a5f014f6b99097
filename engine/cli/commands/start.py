"""`wherry start`."""

import json
from contextlib import closing

import click

from engine.cli.client import Daemon
from engine.cli.each import for_each
from engine.cli.errors import CommandFailed, ExitWith
from engine.cli.grammar import Command, pass_daemon
from engine.cli.session import forward_signals, resizer, talk


@click.command(cls=Command)
@click.option("--attach", "-a", is_flag=True, help="Attach STDOUT/STDERR and forward signals.")
@click.option("--interactive", "-i", is_flag=True, help="Attach container's STDIN.")
@click.option("--detach-keys", help="Override the key sequence for detaching a container.")
@click.option("--checkpoint", help="Restore from this checkpoint.")
@click.option("--checkpoint-dir", help="Use a custom checkpoint storage directory.")
@click.argument("containers", nargs=-1, required=True)
@pass_daemon
def start(
    daemon: Daemon,
    containers: tuple[str, ...],
    attach: bool,
    interactive: bool,
    detach_keys: str | None,
    checkpoint: str | None,
    checkpoint_dir: str | None,
) -> None:
    """Start one or more stopped containers."""
    image = {"checkpoint": checkpoint, "checkpoint-dir": checkpoint_dir}
    if checkpoint and len(containers) > 1:
        raise CommandFailed("you cannot restore multiple containers at once")
    if not (attach or interactive):
        for_each(containers, lambda name: daemon.post(f"/containers/{name}/start", **image))
        return
    if len(containers) > 1:
        raise CommandFailed("you cannot start and attach multiple containers at once")
    found = daemon.get(f"/containers/{containers[0]}/json")
    identifier, tty = found["Id"], found["Config"]["Tty"]
    stdin = interactive and found["Config"]["OpenStdin"]
    connection = daemon.hijack(
        f"/containers/{identifier}/attach",
        {"stream": 1, "stdin": int(stdin), "stdout": 1, "stderr": 1, "detachKeys": detach_keys},
    )
    condition = "removed" if found["HostConfig"]["AutoRemove"] else "next-exit"
    waiting = daemon.open("POST", f"/containers/{identifier}/wait", {"condition": condition})
    with closing(connection), waiting, forward_signals(daemon, identifier, enabled=not tty):
        daemon.post(f"/containers/{identifier}/start", **image)
        talk(connection, tty=tty, stdin=stdin, resize=resizer(daemon, f"/containers/{identifier}"))
        raise ExitWith(json.loads(waiting.read())["StatusCode"])
