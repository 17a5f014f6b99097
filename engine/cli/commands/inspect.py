"""`wherry inspect`: the engine's own JSON for containers, images, networks and volumes."""

from collections.abc import Sequence
from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed, DaemonError, ExitWith
from engine.cli.formats import print_objects
from engine.cli.grammar import FORMAT_HELP, Command, pass_daemon

_PATHS = {
    "container": "/containers/{}/json",
    "image": "/images/{}/json",
    "network": "/networks/{}",
    "volume": "/volumes/{}",
}


@click.command(cls=Command)
@click.option("--format", "-f", "template", help=FORMAT_HELP)
@click.option("--size", "-s", "sizes", is_flag=True, help="Display total file sizes if the type is container.")
@click.option("--type", "kind", help="Only inspect objects of the given type: container, image, network, volume.")
@click.argument("names", nargs=-1, required=True)
@pass_daemon
def inspect(daemon: Daemon, names: tuple[str, ...], template: str | None, sizes: bool, kind: str | None) -> None:
    """Return low-level information on containers, images, networks and volumes."""
    if kind is not None and kind not in _PATHS:
        raise CommandFailed(f"{kind!r} is not a valid value for --type: it is one of {', '.join(_PATHS)}")
    _inspect(daemon, names, [kind] if kind else list(_PATHS), template, sizes=sizes)


def _one_kind(kind: str) -> click.Command:
    @click.command("inspect", cls=Command, help=f"Display detailed information on one or more {kind}s.")
    @click.option("--format", "-f", "template", help=FORMAT_HELP)
    @click.argument("names", nargs=-1, required=True)
    @pass_daemon
    def command(daemon: Daemon, names: tuple[str, ...], template: str | None, *, sizes: bool = False) -> None:
        _inspect(daemon, names, [kind], template, sizes=sizes)

    return command


container = _one_kind("container")
container.params.append(click.Option(["--size", "-s", "sizes"], is_flag=True, help="Display total file sizes."))
image = _one_kind("image")
network = _one_kind("network")
volume = _one_kind("volume")


def _inspect(daemon: Daemon, names: Sequence[str], kinds: Sequence[str], template: str | None, *, sizes: bool) -> None:
    found, missing = [], []
    for name in names:
        try:
            found.append(_find(daemon, name, kinds, sizes=sizes))
        except DaemonError as error:
            missing.append(error if len(kinds) == 1 else CommandFailed(f"Error: No such object: {name}"))
    print_objects(found, template)
    for refusal in missing:
        refusal.show()
    if missing:
        raise ExitWith(1)


def _find(daemon: Daemon, name: str, kinds: Sequence[str], *, sizes: bool) -> Any:
    """Of the first kind that has the name; raises the engine's refusal of the last."""
    for kind in kinds[:-1]:
        try:
            return _get(daemon, kind, name, sizes=sizes)
        except DaemonError as error:
            if error.status != 404:
                raise
    return _get(daemon, kinds[-1], name, sizes=sizes)


def _get(daemon: Daemon, kind: str, name: str, *, sizes: bool) -> Any:
    return daemon.get(_PATHS[kind].format(name), size=(sizes and kind == "container") or None)
