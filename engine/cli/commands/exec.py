"""`wherry exec`: another process in a running container; ends with that process's exit code."""

from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.container_config import environment
from engine.cli.errors import CommandFailed, ExitWith
from engine.cli.grammar import Command, pass_daemon
from engine.cli.session import resizer, talk
from engine.cli.terminal import is_terminal


@click.command("exec", cls=Command, raw_tail=True)
@click.option("--detach", "-d", is_flag=True, help="Run command in the background.")
@click.option("--detach-keys", help="Override the key sequence for detaching.")
@click.option("--env", "-e", multiple=True, help="Set environment variables.")
@click.option("--env-file", multiple=True, help="Read in a file of environment variables.")
@click.option("--interactive", "-i", is_flag=True, help="Keep STDIN open even if not attached.")
@click.option("--privileged", is_flag=True, help="Give extended privileges to the command.")
@click.option("--tty", "-t", is_flag=True, help="Allocate a pseudo-TTY.")
@click.option("--user", "-u", help="Username or UID (format: <name|uid>[:<group|gid>]).")
@click.option("--workdir", "-w", help="Working directory inside the container.")
@click.argument("container")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
@pass_daemon
def execute(
    daemon: Daemon,
    /,
    container: str,
    command: tuple[str, ...],
    detach: bool,
    interactive: bool,
    tty: bool,
    **flags: Any,
) -> None:
    """Execute COMMAND in a running container."""
    if tty and interactive and not detach and not is_terminal():
        raise CommandFailed("the input device is not a TTY")
    config = {
        "AttachStdin": interactive and not detach,
        "AttachStdout": not detach,
        "AttachStderr": not detach,
        "Cmd": list(command),
        "DetachKeys": flags["detach_keys"] or "",
        "Env": environment(flags["env_file"], flags["env"]),
        "Privileged": flags["privileged"],
        "Tty": tty,
        "User": flags["user"] or "",
        "WorkingDir": flags["workdir"] or "",
    }
    made = daemon.post(f"/containers/{container}/exec", config)["Id"]
    if detach:
        daemon.post(f"/exec/{made}/start", {"Detach": True, "Tty": tty})
        return
    connection = daemon.hijack(f"/exec/{made}/start", {}, {"Detach": False, "Tty": tty})
    talk(connection, tty=tty, stdin=interactive, resize=resizer(daemon, f"/exec/{made}"))
    ended = daemon.get(f"/exec/{made}/json")
    if not ended["Running"]:
        raise ExitWith(ended["ExitCode"] or 0)
