"""`wherry version`."""

import os
import platform
from typing import Any

import click

from engine import __version__
from engine.cli.address import choose_context
from engine.cli.client import API_VERSION, Daemon
from engine.cli.errors import DaemonUnreachable
from engine.cli.formats import print_object
from engine.cli.grammar import FORMAT_HELP, Command, pass_daemon

Json = dict[str, Any]

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_LABELS = (
    ("Version", "Version"),
    ("API version", "ApiVersion"),
    ("Python version", "GoVersion"),
    ("Git commit", "GitCommit"),
    ("Built", "BuildTime"),
    ("OS/Arch", "Arch"),
    ("Context", "Context"),
    ("Experimental", "Experimental"),
)


@click.command(cls=Command)
@click.option("--format", "-f", "template", help=FORMAT_HELP)
@pass_daemon
def version(daemon: Daemon, template: str | None) -> None:
    """Show the version information of the command line and the daemon."""
    client = client_facts()
    try:
        server = daemon.get("/version")
    except DaemonUnreachable:
        if template is None:
            _print("Client", client, 1)
        raise
    if template is not None:
        print_object({"Client": client, "Server": server}, template)
        return
    _print("Client", client, 1)
    click.echo(f"\nServer: {server.get('Platform', {}).get('Name', '')}".rstrip(": "))
    for component in server.get("Components") or []:
        _print(f" {component['Name']}", {"Version": component["Version"], **(component.get("Details") or {})}, 2)


def client_facts() -> Json:
    """Of this program, under docker's names; `GoVersion` is what it is written in."""
    asked = click.get_current_context().find_root().params
    machine = platform.machine()
    return {
        "Version": __version__,
        "ApiVersion": API_VERSION,
        "DefaultAPIVersion": API_VERSION,
        "GitCommit": "",
        "GoVersion": f"python{platform.python_version()}",
        "Os": "linux",
        "Arch": _ARCHITECTURES.get(machine, machine),
        "BuildTime": "",
        "Context": choose_context(asked.get("context"), asked.get("host"), os.environ),
    }


def _print(title: str, fields: Json, indent: int) -> None:
    click.echo(f"{title}:")
    for label, key in _LABELS:
        if fields.get(key):
            value = f"{fields['Os']}/{fields['Arch']}" if key == "Arch" else _value(fields, key)
            click.echo(f"{' ' * indent}{label + ':':<{20 - indent}}{value}")


def _value(fields: Json, key: str) -> str:
    least = fields.get("MinAPIVersion") if key == "ApiVersion" else None
    return f"{fields[key]} (minimum version {least})" if least else str(fields[key])
