"""`wherry info`."""

from collections.abc import Iterator
from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.commands.version import client_facts
from engine.cli.errors import DaemonUnreachable
from engine.cli.formats import print_object
from engine.cli.grammar import FORMAT_HELP, Command, pass_daemon
from engine.cli.humane import size

Json = dict[str, Any]

_COUNTS = (
    ("Containers", "Containers"),
    (" Running", "ContainersRunning"),
    (" Paused", "ContainersPaused"),
    (" Stopped", "ContainersStopped"),
    ("Images", "Images"),
    ("Server Version", "ServerVersion"),
)
_DRIVERS = (
    ("Logging Driver", "LoggingDriver"),
    ("Cgroup Driver", "CgroupDriver"),
    ("Cgroup Version", "CgroupVersion"),
)
_HOST = (
    ("Kernel Version", "KernelVersion"),
    ("Operating System", "OperatingSystem"),
    ("OSType", "OSType"),
    ("Architecture", "Architecture"),
    ("CPUs", "NCPU"),
)
_ENGINE = (
    ("Name", "Name"),
    ("ID", "ID"),
    ("Docker Root Dir", "DockerRootDir"),
    ("Debug Mode", "Debug"),
    ("HTTP Proxy", "HttpProxy"),
    ("HTTPS Proxy", "HttpsProxy"),
    ("No Proxy", "NoProxy"),
    ("Experimental", "ExperimentalBuild"),
)


@click.command(cls=Command)
@click.option("--format", "-f", "template", help=FORMAT_HELP)
@pass_daemon
def info(daemon: Daemon, template: str | None) -> None:
    """Display system-wide information."""
    client = {"Debug": False, **client_facts(), "Plugins": [], "Warnings": None}
    try:
        found: Json = daemon.get("/info")
    except DaemonUnreachable:
        if template is None:
            _print(_client(client))
        raise
    if template is not None:
        print_object({**found, "ClientInfo": client}, template)
        return
    _print([*_client(client), "", "Server:"])
    _print(f" {line}" for line in _server(found))
    for warning in found.get("Warnings") or []:
        click.echo(warning, err=True)


def _print(lines: "Iterator[str] | list[str]") -> None:
    for line in lines:
        click.echo(line)


def _client(client: Json) -> list[str]:
    return ["Client:", f" Version:    {client['Version']}", f" Context:    {client['Context']}"]


def _server(found: Json) -> Iterator[str]:
    yield from _lines(found, _COUNTS)
    yield f"Storage Driver: {found.get('Driver', '')}"
    yield from (f" {name}: {value}" for name, value in found.get("DriverStatus") or ())
    yield from _lines(found, _DRIVERS)
    yield "Plugins:"
    plugins = found.get("Plugins") or {}
    yield from (f" {kind}: {' '.join(plugins[kind])}" for kind in ("Volume", "Network", "Log") if plugins.get(kind))
    if found.get("CDISpecDirs"):
        yield "CDI spec directories:"
        yield from (f" {folder}" for folder in found["CDISpecDirs"])
    yield f"Swarm: {(found.get('Swarm') or {}).get('LocalNodeState', 'inactive')}"
    yield f"Runtimes: {' '.join(sorted(found.get('Runtimes') or {}))}"
    yield from _lines(found, (("Default Runtime", "DefaultRuntime"), ("Init Binary", "InitBinary")))
    yield "Security Options:"
    yield from (f" {line}" for option in found.get("SecurityOptions") or () for line in _security(option))
    yield from _lines(found, _HOST)
    yield f"Total Memory: {size(found.get('MemTotal', 0), 4, binary=True)}"
    yield from _lines(found, _ENGINE)
    registries = found.get("RegistryConfig") or {}
    if registries.get("InsecureRegistryCIDRs"):
        yield "Insecure Registries:"
        yield from (f" {entry}" for entry in registries["InsecureRegistryCIDRs"])
    yield f"Live Restore Enabled: {str(bool(found.get('LiveRestoreEnabled'))).lower()}"


def _lines(found: Json, labels: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for label, key in labels:
        value = found.get(key)
        if value is not None and value != "":
            yield f"{label}: {str(value).lower() if isinstance(value, bool) else value}"


def _security(option: str) -> list[str]:
    """`name=seccomp,profile=builtin`, as docker shows it."""
    fields = dict(part.partition("=")[::2] for part in option.split(","))
    return [fields.pop("name", option), *(f" {name.capitalize()}: {value}" for name, value in fields.items())]
