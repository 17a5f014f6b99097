"""`wherry version`."""

import platform

import click

from engine import __version__
from engine.cli.client import API_VERSION, Daemon
from engine.cli.errors import DaemonUnreachable
from engine.cli.formats import print_objects
from engine.cli.grammar import FORMAT_HELP, Command, pass_daemon


@click.command(cls=Command)
@click.option("--format", "-f", "template", help=FORMAT_HELP)
@pass_daemon
def version(daemon: Daemon, template: str | None) -> None:
    """Show the version information of the command line and the daemon."""
    client = {"Version": __version__, "ApiVersion": API_VERSION, "Os": "linux", "Arch": platform.machine()}
    try:
        server = daemon.get("/version")
    except DaemonUnreachable:
        if template is None:
            _print("Client", client)
        raise
    if template is not None:
        print_objects([{"Client": client, "Server": server}], template)
        return
    _print("Client", client)
    _print(f"Server: {server.get('Platform', {}).get('Name', '')}".rstrip(": "), server)
    for component in server.get("Components") or []:
        _print(f" {component['Name']}", {"Version": component["Version"]})


def _print(title: str, fields: dict[str, str]) -> None:
    click.echo(f"{title}:")
    for label, key in (("Version", "Version"), ("API version", "ApiVersion"), ("OS/Arch", "Os")):
        if key in fields:
            value = f"{fields['Os']}/{fields['Arch']}" if key == "Os" else fields[key]
            click.echo(f"  {label + ':':<16}{value}")
