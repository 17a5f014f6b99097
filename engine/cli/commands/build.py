"""`wherry build`."""

import base64
import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from engine.cli import build_context
from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed
from engine.cli.grammar import Command, pass_daemon
from engine.cli.humane import parse_bytes
from engine.cli.pulling import read_config, show_progress, stored_auth

_SECRETS_LIMIT = 6000  # all secrets travel in one header, and 8 KiB is the most that a header may have


@click.command(cls=Command)
@click.option("--file", "-f", "dockerfile", help="Name of the Dockerfile; '-' reads it from stdin.")
@click.option("--tag", "-t", "tags", multiple=True, help="Name and optionally a tag (name:tag); many times.")
@click.option("--build-arg", "arguments", multiple=True, metavar="NAME[=VALUE]", help="Set build-time variables.")
@click.option("--label", "labels", multiple=True, metavar="NAME[=VALUE]", help="Set metadata for the image.")
@click.option("--target", help="Set the target build stage to build.")
@click.option("--no-cache", is_flag=True, help="Do not use the cache.")
@click.option("--pull", is_flag=True, help="Always attempt to pull newer versions of the base images.")
@click.option("--quiet", "-q", is_flag=True, help="Print the image ID only.")
@click.option("--progress", type=click.Choice(["plain", "json"]), default="plain", help="How to show progress.")
@click.option("--network", help="Network of RUN steps: default, none, host or a network's name.")
@click.option("--add-host", "hosts", multiple=True, metavar="HOST:IP", help="Add a custom host-to-IP mapping.")
@click.option("--shm-size", metavar="BYTES", help="Size of /dev/shm.")
@click.option("--memory", "-m", metavar="BYTES", help="Memory limit of RUN steps.")
@click.option("--platform", help="Set the platform; foreign ones are refused.")
@click.option("--secret", "secrets", multiple=True, metavar="id=…[,src=…|,env=…]", help="A secret for RUN --mount.")
@click.option("--iidfile", metavar="FILE", help="Write the image ID to the file.")
@click.argument("context", metavar="PATH|-")
@pass_daemon
def build(daemon: Daemon, /, context: str, **flags: Any) -> None:
    """Build an image from a Dockerfile."""
    with build_context.opened(context, flags["dockerfile"], sys.stdin.buffer) as sending:
        lines = daemon.objects(
            "POST",
            "/build",
            _params(flags, sending.dockerfile),
            headers={"Content-Type": "application/x-tar", **_headers(flags["secrets"])},
            upload=sending.body,
        )
        image_id = _show(lines, flags)
        if sending.failures:
            raise CommandFailed(f"sending the context: {sending.failures[0]}")
    if flags["iidfile"] and image_id:
        with open(flags["iidfile"], "w") as file:
            file.write(image_id)


def _params(flags: dict[str, Any], dockerfile: str) -> dict[str, Any]:
    return {
        "dockerfile": dockerfile or None,
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
        "platform": flags["platform"],
        "rm": True,
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


def _headers(secrets: Sequence[str]) -> dict[str, str]:
    headers = {}
    config = {name: stored_auth(name) for name in read_config().get("auths", {})}
    if config:
        headers["X-Registry-Config"] = base64.urlsafe_b64encode(json.dumps(config).encode()).decode()
    if secrets:
        document = json.dumps({name: base64.b64encode(value).decode() for name, value in map(_secret, secrets)})
        if len(document) > _SECRETS_LIMIT:
            raise CommandFailed("--secret: all secrets of a build together may have no more than about 4 KB")
        headers["X-Wherry-Build-Secrets"] = base64.urlsafe_b64encode(document.encode()).decode()
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


def _show(lines: Iterable[dict[str, Any]], flags: dict[str, Any]) -> str:
    """Show the stream; answers the image's id where the stream told it."""
    found = ""
    for line in lines:
        found = (line.get("aux") or {}).get("ID") or found
        if flags["quiet"] and str(line.get("stream", "")).startswith("sha256:"):
            found = line["stream"].strip()
        if flags["progress"] == "json":
            click.echo(json.dumps(line, ensure_ascii=False))
        elif "stream" in line:
            click.echo(line["stream"], nl=False)
        elif "status" in line:
            show_progress([line])
        if "error" in line:
            raise CommandFailed((line.get("errorDetail") or {}).get("message") or line["error"])
    return found
