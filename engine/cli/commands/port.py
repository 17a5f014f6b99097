"""`wherry port CONTAINER [PRIVATE_PORT]`, and `wherry port add|rm CONTAINER SPEC…`, which docker does not have.

Three words are needed to add or remove, so a container that is called `add` can still be asked for its ports.
"""

from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed
from engine.cli.grammar import Command, pass_daemon
from engine.cli.port_flags import Bindings, published

_USAGE = "[add|rm] CONTAINER [PRIVATE_PORT[/PROTO] | SPEC...]"


@click.command(cls=Command)
@click.argument("words", nargs=-1, required=True, metavar=_USAGE)
@pass_daemon
def port(daemon: Daemon, words: tuple[str, ...]) -> None:
    """List port mappings of a container, or publish and unpublish ports while it runs.

    A SPEC is that of `run -p`: [[ADDRESS:]HOST_PORT:]PORT[/PROTO]. `rm` takes away every binding of PORT where no
    HOST_PORT is said. What was changed holds for later starts too.
    """
    if words[0] in ("add", "rm") and len(words) > 2:
        _change(daemon, words[0], words[1], words[2:])
    elif len(words) > 2:
        raise click.UsageError(f"'wherry port' takes at most 2 arguments here, not {len(words)}")
    else:
        _show(daemon, words[0], words[1] if len(words) > 1 else None)


def _show(daemon: Daemon, container: str, private_port: str | None) -> None:
    ports = daemon.get(f"/containers/{container}/json")["NetworkSettings"]["Ports"] or {}
    if private_port is None:
        for name, bindings in sorted(ports.items(), key=lambda port: (int(port[0].partition("/")[0]), port[0])):
            for binding in bindings or []:
                click.echo(f"{name} -> {_host(binding)}")
        return
    name = private_port if "/" in private_port else f"{private_port}/tcp"
    if not ports.get(name):
        raise CommandFailed(f"Error: No public port '{private_port}' published for {container}")
    for binding in ports[name]:
        click.echo(_host(binding))


def _change(daemon: Daemon, verb: str, container: str, specs: tuple[str, ...]) -> None:
    bindings: Bindings = {
        name: list(entries or [{"HostIp": "", "HostPort": ""}])
        for name, entries in _bindings(daemon.get(f"/containers/{container}/json")).items()
    }
    for spec in specs:
        for name, entries in published([spec])[1].items():
            for entry in entries:
                _add(bindings, name, entry) if verb == "add" else _remove(bindings, name, entry, container)
    daemon.post(f"/containers/{container}/update", {"PortBindings": bindings})
    if verb == "add":
        _show(daemon, container, None)


def _bindings(document: dict[str, Any]) -> dict[str, list[dict[str, str]] | None]:
    return dict(document["HostConfig"]["PortBindings"] or {})


def _add(bindings: Bindings, name: str, entry: dict[str, str]) -> None:
    if entry not in bindings.setdefault(name, []) or not entry["HostPort"]:
        bindings[name].append(entry)


def _remove(bindings: Bindings, name: str, asked: dict[str, str], container: str) -> None:
    kept = [entry for entry in bindings.get(name, ()) if not _covers(asked, entry)]
    if len(kept) == len(bindings.get(name, ())):
        raise CommandFailed(f"no such published port of {container}: {_spec(name, asked)}")
    bindings[name] = kept
    if not kept:
        del bindings[name]


def _covers(asked: dict[str, str], entry: dict[str, str]) -> bool:
    """What is not said is any."""
    return all(not asked[key] or asked[key] == entry.get(key, "") for key in ("HostIp", "HostPort"))


def _spec(name: str, asked: dict[str, str]) -> str:
    return ":".join(filter(None, (asked["HostIp"], asked["HostPort"], name)))


def _host(binding: dict[str, str]) -> str:
    address = binding["HostIp"]
    return f"[{address}]:{binding['HostPort']}" if ":" in address else f"{address}:{binding['HostPort']}"
