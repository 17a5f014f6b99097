"""Pull, push and load as a person sees them: the engine's JSON progress as bars on a terminal, as lines elsewhere."""

import base64
import json
import sys
from collections.abc import Iterable
from typing import Any

import click

from engine.cli import credentials
from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed


def pull(
    daemon: Daemon, reference: str, *, platform: str | None = None, quiet: bool = False, all_tags: bool = False
) -> None:
    """Download an image; raises DaemonError or CommandFailed with the registry's words."""
    name, tag = split_tag(reference)
    events = daemon.objects(
        "POST",
        "/images/create",
        {"fromImage": name, "tag": None if all_tags else tag, "platform": platform},
        headers=auth_header(reference),
    )
    show_progress(events, quiet=quiet, sink=sys.stderr if quiet else sys.stdout)


def split_tag(reference: str) -> tuple[str, str]:
    """Name and tag or digest; a name alone means `latest`."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest
    base, separator, tag = reference.rpartition(":")
    if separator and "/" not in tag:
        return base, tag
    return reference, "latest"


def show_progress(events: Iterable[dict[str, Any]], *, quiet: bool = False, sink: Any = None) -> None:
    """Print the stream; raises CommandFailed for the error that may end it."""
    sink = sink or sys.stdout
    if quiet or not sink.isatty():
        for event in events:
            _raise_error(event)
            if not quiet and not event.get("progressDetail"):
                _print_line(event, sink)
        return
    from engine.cli.progress_bars import ProgressBars

    with ProgressBars() as bars:
        for event in events:
            _raise_error(event)
            bars.show(event)


def _print_line(event: dict[str, Any], sink: Any) -> None:
    text = event.get("stream") or event.get("status")
    if text is None:
        return
    prefix = f"{event['id']}: " if event.get("id") else ""
    click.echo(prefix + text, file=sink, nl=not text.endswith("\n"))


def _raise_error(event: dict[str, Any]) -> None:
    if "error" in event:
        raise CommandFailed(event.get("errorDetail", {}).get("message") or event["error"])


def auth_header(reference: str) -> dict[str, str]:
    """X-Registry-Auth for the registry of a reference, from what `login` stored; none where nothing is stored."""
    found = credentials.stored(registry_of(reference))
    if not found:
        return {}
    return {"X-Registry-Auth": base64.urlsafe_b64encode(json.dumps(found).encode()).decode()}


def registry_of(reference: str) -> str:
    """The registry's key in the credentials file: a host, or Docker Hub's address."""
    host, separator, _ = reference.partition("/")
    is_host = bool(separator) and ("." in host or ":" in host or host == "localhost")
    return host if is_host and host not in ("docker.io", "index.docker.io") else credentials.DOCKER_HUB
