"""`wherry info`."""

from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.formats import print_objects
from engine.cli.grammar import FORMAT_HELP, Command, pass_daemon
from engine.cli.humane import size

_LINES = (
    ("Containers", "Containers"),
    (" Running", "ContainersRunning"),
    (" Paused", "ContainersPaused"),
    (" Stopped", "ContainersStopped"),
    ("Images", "Images"),
    ("Server Version", "ServerVersion"),
    ("Storage Driver", "Driver"),
    ("Logging Driver", "LoggingDriver"),
    ("Cgroup Driver", "CgroupDriver"),
    ("Cgroup Version", "CgroupVersion"),
    ("Default Runtime", "DefaultRuntime"),
    ("Kernel Version", "KernelVersion"),
    ("Operating System", "OperatingSystem"),
    ("OSType", "OSType"),
    ("Architecture", "Architecture"),
    ("CPUs", "NCPU"),
    ("Name", "Name"),
    ("ID", "ID"),
    ("Docker Root Dir", "DockerRootDir"),
)


@click.command(cls=Command)
@click.option("--format", "-f", "template", help=FORMAT_HELP)
@pass_daemon
def info(daemon: Daemon, template: str | None) -> None:
    """Display system-wide information."""
    found: dict[str, Any] = daemon.get("/info")
    if template is not None:
        print_objects([found], template)
        return
    for label, key in _LINES:
        if key in found:
            click.echo(f"{label}: {found[key]}")
    click.echo(f"Runtimes: {' '.join(sorted(found.get('Runtimes') or {}))}")
    click.echo(f"Security Options: {' '.join(found.get('SecurityOptions') or [])}")
    click.echo(f"Total Memory: {size(found.get('MemTotal', 0), 4, binary=True)}")
    for warning in found.get("Warnings") or []:
        click.echo(warning, err=True)
