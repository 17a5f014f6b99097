"""`wherry run`: create, attach, start and wait. The exit code is the container's; 125, 126 and 127 are docker's."""

import json
from contextlib import closing
from typing import Any

import click

from engine.cli import http1
from engine.cli.client import Daemon, Hijacked
from engine.cli.commands.create import create_container
from engine.cli.container_flags import container_flags
from engine.cli.errors import CommandFailed, DaemonError, ExitWith
from engine.cli.grammar import Command, pass_daemon
from engine.cli.session import forward_signals, resizer, talk
from engine.cli.terminal import is_terminal

_NOT_FOUND = ("executable file not found", "no such file or directory", "system cannot find the file specified")
_NOT_EXECUTABLE = ("permission denied", "not a directory", "is a directory", "exec format error")


@click.command(cls=Command, raw_tail=True, context_settings={"help_option_names": ["--help"]})
@container_flags
@click.option("--detach", "-d", is_flag=True, help="Run container in background and print container ID.")
@click.option("--detach-keys", help="Override the key sequence for detaching a container.")
@click.option("--sig-proxy/--no-sig-proxy", default=True, help="Proxy received signals to the process.")
@click.argument("image")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@pass_daemon
def run(
    daemon: Daemon,
    /,
    image: str,
    command: tuple[str, ...],
    detach: bool,
    detach_keys: str | None,
    sig_proxy: bool,
    **flags: Any,
) -> None:
    """Create and run a new container from IMAGE.

    \b
    wherry run --rm alpine echo hello       run one command, remove the container afterwards
    wherry run -it --rm alpine              a shell
    wherry run -d --name web -p 8080:80 …   in the background
    """
    if flags["tty"] and not detach and flags["interactive"] and not is_terminal():
        raise CommandFailed("the input device is not a TTY", 1)
    try:
        container = create_container(daemon, image, command, flags, detach=detach)
        if detach:
            daemon.post(f"/containers/{container}/start")
            click.echo(container)
            return
        _run_attached(daemon, container, flags, detach_keys=detach_keys, sig_proxy=sig_proxy)
    except DaemonError as error:
        raise CommandFailed(
            f"wherry: {error.message}\n\nRun 'wherry run --help' for more information", failure_code(error.reason)
        ) from error


def _run_attached(
    daemon: Daemon, container: str, flags: dict[str, Any], *, detach_keys: str | None, sig_proxy: bool
) -> None:
    streams = {name.lower() for name in flags["attach"]} or {"stdout", "stderr"} | (
        {"stdin"} if flags["interactive"] else set()
    )
    attached = daemon.hijack(
        f"/containers/{container}/attach",
        {
            "stream": 1,
            "detachKeys": detach_keys,
            **{name: int(name in streams) for name in ("stdin", "stdout", "stderr")},
        },
    )
    # Asked before the start, or a short life could be over before anybody waits for its end.
    condition = "removed" if flags["rm"] else "next-exit"
    waiting = daemon.open("POST", f"/containers/{container}/wait", {"condition": condition})
    with closing(attached), waiting, forward_signals(daemon, container, enabled=sig_proxy and not flags["tty"]):
        daemon.post(f"/containers/{container}/start")
        _talk(daemon, container, attached, tty=flags["tty"], stdin="stdin" in streams)
        _finish(daemon, container, waiting, detachable=flags["tty"] and flags["interactive"])


def _talk(daemon: Daemon, container: str, attached: Hijacked, *, tty: bool, stdin: bool) -> None:
    talk(attached, tty=tty, stdin=stdin, resize=resizer(daemon, f"/containers/{container}"))


def _finish(daemon: Daemon, container: str, waiting: http1.Response, *, detachable: bool) -> None:
    """End with the container's code; a person who detached leaves it running and ends with 0."""
    if detachable and _is_running(daemon, container):
        raise ExitWith(0)
    result = json.loads(waiting.read())
    message = (result.get("Error") or {}).get("Message")
    if message:
        click.echo(f"Error waiting for container: {message}", err=True)
    raise ExitWith(result["StatusCode"])


def _is_running(daemon: Daemon, container: str) -> bool:
    try:
        return bool(daemon.get(f"/containers/{container}/json")["State"]["Running"])
    except DaemonError as error:
        if error.status == 404:
            return False
        raise


def failure_code(reason: str) -> int:
    """docker's exit code for a container that could not be run."""
    lowered = reason.lower()
    if any(words in lowered for words in _NOT_FOUND):
        return 127
    if any(words in lowered for words in _NOT_EXECUTABLE):
        return 126
    return 125
