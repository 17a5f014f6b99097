"""`wherry port`."""

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed
from engine.cli.grammar import Command, pass_daemon


@click.command(cls=Command)
@click.argument("container")
@click.argument("private_port", required=False)
@pass_daemon
def port(daemon: Daemon, container: str, private_port: str | None) -> None:
    """List port mappings or a specific mapping for the container."""
    ports = daemon.get(f"/containers/{container}/json")["NetworkSettings"]["Ports"] or {}
    if private_port is None:
        for name, bindings in sorted(ports.items()):
            for binding in bindings or []:
                click.echo(f"{name} -> {_host(binding)}")
        return
    name = private_port if "/" in private_port else f"{private_port}/tcp"
    if not ports.get(name):
        raise CommandFailed(f"no public port '{private_port}' published for {container}")
    for binding in ports[name]:
        click.echo(_host(binding))


def _host(binding: dict[str, str]) -> str:
    address = binding["HostIp"]
    return f"[{address}]:{binding['HostPort']}" if ":" in address else f"{address}:{binding['HostPort']}"
