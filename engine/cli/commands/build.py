"""`wherry build`."""

import base64
import contextlib
import functools
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from engine.cli import build_channel, build_context, build_listing, build_output, credentials, proxies
from engine.cli.build_channel import BuildChannel
from engine.cli.build_listing import Readable
from engine.cli.build_output import Destination
from engine.cli.client import Daemon
from engine.cli.container_config import ulimit
from engine.cli.errors import CommandFailed, DaemonError
from engine.cli.grammar import Command, pass_daemon
from engine.cli.humane import parse_bytes
from engine.cli.pulling import show_progress

if TYPE_CHECKING:
    from engine.cli.build_view import LiveBoard

_SECRETS_LIMIT = 6000  # what fits into a header: 8 KiB is the most that one may have; larger ones go by a channel


@click.command(cls=Command)
@click.option("--file", "-f", "dockerfile", help="Name of the Dockerfile; '-' reads it from stdin.")
@click.option("--tag", "-t", "tags", multiple=True, help="Name and optionally a tag (name:tag); many times.")
@click.option("--build-arg", "arguments", multiple=True, metavar="NAME[=VALUE]", help="Set build-time variables.")
@click.option("--build-context", "contexts", multiple=True, metavar="NAME=WHERE", help="Another context or image.")
@click.option("--label", "labels", multiple=True, metavar="NAME[=VALUE]", help="Set metadata for the image.")
@click.option("--target", help="Set the target build stage to build.")
@click.option("--no-cache", is_flag=True, help="Do not use the cache.")
@click.option("--cache-from", "cache_from", multiple=True, metavar="IMAGE", help="Look for steps in this image, too.")
@click.option("--pull", is_flag=True, help="Always attempt to pull newer versions of the base images.")
@click.option("--quiet", "-q", is_flag=True, help="Print the image ID only.")
@click.option(
    "--progress", type=click.Choice(["auto", "tty", "plain", "json"]), default="auto", help="How to show progress."
)
@click.option("--output", "-o", "output", metavar="DEST", help="Write the files there: type=local|tar,dest=…, or DIR.")
@click.option("--network", help="Network of RUN steps: default, none, host or a network's name.")
@click.option("--add-host", "hosts", multiple=True, metavar="HOST:IP", help="Add a custom host-to-IP mapping.")
@click.option("--shm-size", metavar="BYTES", help="Size of /dev/shm.")
@click.option("--ulimit", "ulimits", multiple=True, metavar="NAME=SOFT[:HARD]", help="Limits of RUN steps.")
@click.option("--memory", "-m", metavar="BYTES", help="Memory limit of RUN steps.")
@click.option("--memory-swap", metavar="BYTES", help="Memory and swap together; -1 for no limit of swap.")
@click.option("--cpu-shares", "-c", type=int, help="Weight of RUN steps' CPU time.")
@click.option("--cpu-period", type=int, help="Period of the CPU quota in microseconds.")
@click.option("--cpu-quota", type=int, help="CPU time of RUN steps in each period.")
@click.option("--cpuset-cpus", help="CPUs that RUN steps may use (0-3, 0,1).")
@click.option("--cpuset-mems", help="Memory nodes that RUN steps may use (0-3, 0,1).")
@click.option("--cgroup-parent", help="Parent of RUN steps' cgroups.")
@click.option("--security-opt", "security", multiple=True, help="Security options of RUN steps.")
@click.option("--platform", help="Set the platform; foreign ones are refused.")
@click.option("--secret", "secrets", multiple=True, metavar="id=…[,src=…|,env=…]", help="A secret for RUN --mount.")
@click.option("--ssh", "agents", multiple=True, metavar="ID[=SOCKET]", help="An SSH agent for RUN --mount=type=ssh.")
@click.option("--iidfile", metavar="FILE", help="Write the image ID to the file.")
@click.option("--rm/--no-rm", "remove", default=True, help="Remove containers of steps that went well.")
@click.option("--force-rm/--no-force-rm", default=True, help="Remove the container of a step that failed, too.")
@click.option("--squash", is_flag=True, help="Refused: build with fewer steps instead.")
@click.argument("context", metavar="PATH|URL|-")
@pass_daemon
def build(daemon: Daemon, /, context: str, **flags: Any) -> None:
    """Build an image from a Dockerfile."""
    destination = build_output.parse(flags["output"]) if flags["output"] else None
    if destination is not None and (flags["tags"] or flags["iidfile"]):
        raise CommandFailed("--output writes files and makes no image: it does not go with --tag or --iidfile")
    flags["arguments"] = [*proxies.words(daemon.address.text, flags["arguments"]), *flags["arguments"]]
    secrets = dict(map(_secret, flags["secrets"]))
    images, folders = _contexts(flags["contexts"])
    agents = build_channel.agents(flags["agents"])
    large = sum(map(len, secrets.values())) > _SECRETS_LIMIT * 2 // 3
    with contextlib.ExitStack() as stack:
        channel = None
        if agents or folders or destination or large:
            channel = stack.enter_context(build_channel.opened(daemon))
            _send_ahead(channel, agents, folders, secrets)
        headers = _headers({} if channel else secrets, channel)
        sending = stack.enter_context(build_context.opened(context, flags["dockerfile"], sys.stdin.buffer))
        if sending.body is not None:
            headers["Content-Type"] = "application/x-tar"
        kept = _compared(stack, daemon, channel, sending)
        if kept is not None:
            headers["X-Wherry-Build-Channel"] = kept.token
        board = stack.enter_context(_board(flags, destination))
        params = _params(flags, sending, images, steps=board is not None, to_channel=destination is not None)
        params["kept"] = 1 if kept is not None else None
        body: Readable | None = sending.body
        if body is not None and board is not None:
            body = _Counted(body, board)
        upload = build_channel.pieces(body) if body is not None else None
        lines = daemon.objects("POST", "/build", params, headers=headers, upload=upload)
        image_id = _show(lines, flags, board, _Taking(channel, destination))
        if sending.failures:
            raise CommandFailed(f"sending the context: {sending.failures[0]}")
    if flags["iidfile"] and image_id:
        with open(flags["iidfile"], "w") as file:
            file.write(image_id)


def _compared(
    stack: contextlib.ExitStack, daemon: Daemon, channel: BuildChannel | None, sending: build_context.Sending
) -> BuildChannel | None:
    """Send of a large folder only what the engine lacks, where it is one that keeps contexts; answers the channel."""
    listing = sending.listing
    if listing is None or not listing.is_worth_comparing:
        return None
    try:
        channel = channel or stack.enter_context(build_channel.opened(daemon))
        lacking = channel.compare(listing.key, listing.rows())
    except DaemonError as error:
        if error.status in (404, 405, 501):
            return None  # an engine of another make: it gets all of it
        raise
    write = functools.partial(listing.write_some, wanted=lacking)
    sending.body = stack.enter_context(build_listing.piped(write, sending.failures))
    return channel


def _contexts(words: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """`name=docker-image://image` and `name=folder`, told apart."""
    images, folders = {}, {}
    for word in words:
        name, equals, where = word.partition("=")
        if not equals or not name or not where:
            raise CommandFailed(f"--build-context {word!r}: write it as NAME=FOLDER or NAME=docker-image://IMAGE")
        if where.startswith("docker-image://"):
            images[name] = where
        elif "://" in where or not os.path.isdir(where):
            raise CommandFailed(f"--build-context {name}: {where} is neither a folder nor a docker-image://")
        else:
            folders[name] = where
    return images, folders


def _send_ahead(
    channel: BuildChannel, agents: dict[str, str], folders: dict[str, str], secrets: dict[str, bytes]
) -> None:
    if secrets:
        channel.send_secrets(secrets)
    for name, agent in agents.items():
        channel.lend(name, agent)
    for name, folder in folders.items():
        with build_context.folder(folder) as tar:
            channel.send_context(name, tar)


@contextlib.contextmanager
def _board(flags: dict[str, Any], destination: Destination | None) -> "Iterator[LiveBoard | None]":
    """The live view, where there is a terminal to show it on."""
    free = not flags["quiet"] and not (destination and destination.is_standard_output)
    if flags["progress"] == "tty" or (flags["progress"] == "auto" and free and sys.stdout.isatty()):
        from engine.cli.build_view import LiveBoard

        with LiveBoard() as board:
            yield board
    else:
        yield None


class _Counted:
    """A body that tells the board how much of it has gone."""

    def __init__(self, body: Readable, board: "LiveBoard") -> None:
        self._body = body
        self._board = board.board

    def read(self, size: int = -1, /) -> bytes:
        """Some of it."""
        data = self._body.read(size)
        self._board.sent += len(data)
        return data


class _Taking:
    """Takes the result when the engine says that there is one."""

    def __init__(self, channel: BuildChannel | None, destination: Destination | None) -> None:
        self._channel = channel
        self._destination = destination

    def take(self) -> None:
        """All of it."""
        assert self._channel is not None
        assert self._destination is not None
        with self._channel.result() as result:
            build_output.write(result, self._destination)


def _params(
    flags: dict[str, Any], sending: build_context.Sending, images: dict[str, str], *, steps: bool, to_channel: bool
) -> dict[str, Any]:
    return {
        "dockerfile": sending.dockerfile or None,
        "remote": sending.remote or None,
        "progress": "steps" if steps else None,
        "outputs": "channel" if to_channel else None,
        "contexts": json.dumps(images) if images else None,
        "cachefrom": json.dumps(list(flags["cache_from"])) if flags["cache_from"] else None,
        "squash": flags["squash"] or None,
        "t": list(flags["tags"]),
        "buildargs": json.dumps(arguments(flags["arguments"])) if flags["arguments"] else None,
        "labels": json.dumps(dict(_pair(word) for word in flags["labels"])) if flags["labels"] else None,
        "target": flags["target"],
        "nocache": flags["no_cache"] or None,
        "pull": flags["pull"] or None,
        "q": (flags["quiet"] and flags["progress"] != "json") or None,
        "networkmode": flags["network"],
        "extrahosts": json.dumps(list(flags["hosts"])) if flags["hosts"] else None,
        "shmsize": parse_bytes(flags["shm_size"]) if flags["shm_size"] else None,
        "memory": parse_bytes(flags["memory"]) if flags["memory"] else None,
        "memswap": _swap(flags["memory_swap"]),
        "ulimits": json.dumps([ulimit(word) for word in flags["ulimits"]]) if flags["ulimits"] else None,
        "cpushares": flags["cpu_shares"],
        "cpuperiod": flags["cpu_period"],
        "cpuquota": flags["cpu_quota"],
        "cpusetcpus": flags["cpuset_cpus"],
        "cpusetmems": flags["cpuset_mems"],
        "cgroupparent": flags["cgroup_parent"],
        "securityopt": list(flags["security"]) or None,
        "platform": flags["platform"],
        "rm": flags["remove"],
        "forcerm": (flags["force_rm"] and flags["remove"]) or None,
    }


def arguments(words: Sequence[str]) -> dict[str, str | None]:
    """`NAME=VALUE`; a name alone takes our own environment's value, and is left out where there is none."""
    found: dict[str, str | None] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            found[name] = value
        elif name in os.environ:
            found[name] = os.environ[name]
    return found


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value


def _swap(text: str | None) -> int | None:
    if text is None:
        return None
    return -1 if text == "-1" else parse_bytes(text)


def _headers(secrets: dict[str, bytes], channel: BuildChannel | None) -> dict[str, str]:
    headers = {}
    config = {name: credentials.stored(name) for name in credentials.registries()}
    if config:
        headers["X-Registry-Config"] = base64.urlsafe_b64encode(json.dumps(config).encode()).decode()
    if secrets:
        document = json.dumps({name: base64.b64encode(value).decode() for name, value in secrets.items()})
        headers["X-Wherry-Build-Secrets"] = base64.urlsafe_b64encode(document.encode()).decode()
    if channel is not None:
        headers["X-Wherry-Build-Channel"] = channel.token
    return headers


def _secret(text: str) -> tuple[str, bytes]:
    fields = dict(_pair(word) for word in text.split(","))
    name = fields.get("id", "")
    kind = fields.get("type", "")
    if not name or kind not in ("", "file", "env"):
        raise CommandFailed(f"--secret {text!r}: write it as id=NAME[,src=FILE] or id=NAME,env=VARIABLE")
    if kind == "env" or "env" in fields:
        variable = fields.get("env") or fields.get("src") or name
        if variable not in os.environ:
            raise CommandFailed(f"--secret {name}: the environment has no {variable}")
        return name, os.environ[variable].encode()
    path = fields.get("src") or fields.get("source") or name
    try:
        with open(path, "rb") as file:
            return name, file.read()
    except OSError as error:
        raise CommandFailed(f"--secret {name}: open {path}: {error.strerror}") from error


def _show(lines: Iterable[dict[str, Any]], flags: dict[str, Any], board: "LiveBoard | None", result: _Taking) -> str:
    """Show the stream; answers the image's id where the stream told it."""
    found = ""
    for line in lines:
        found = (line.get("aux") or {}).get("ID") or found
        if flags["quiet"] and str(line.get("stream", "")).startswith("sha256:"):
            found = line["stream"].strip()
        if "error" in line:
            if flags["progress"] == "json":
                click.echo(json.dumps(line, ensure_ascii=False), err=True)
            raise CommandFailed((line.get("errorDetail") or {}).get("message") or line["error"])
        if line.get("id") == "wherry.result":
            result.take()
        elif board is not None:
            board.show(line)
        else:
            _print(line, flags)
    return found


def _print(line: dict[str, Any], flags: dict[str, Any]) -> None:
    """One line without a live view; a tar that goes to standard output has it for itself."""
    aside = flags["output"] is not None
    if flags["progress"] == "json":
        click.echo(json.dumps(line, ensure_ascii=False), err=aside)
    elif "stream" in line:
        click.echo(line["stream"], nl=False, err=aside)
    elif "status" in line:
        show_progress([line], sink=sys.stderr if aside else None)
