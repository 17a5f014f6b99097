"""`wherry inspect`: the engine's own JSON for containers, images, networks and volumes."""

from collections.abc import Sequence
from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed, DaemonError, ExitWith
from engine.cli.formats import print_objects
from engine.cli.grammar import FORMAT_HELP, Command, pass_daemon
from engine.cli.platforms import platform_document

Json = dict[str, Any]

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
    asked: Json = {"size": True} if sizes else {}
    _inspect(daemon, names, [kind] if kind else list(_PATHS), template, {"container": asked})


def _one_kind(kind: str) -> click.Command:
    @click.command("inspect", cls=Command, help=f"Display detailed information on one or more {kind}s.")
    @click.option("--format", "-f", "template", help=FORMAT_HELP)
    @click.argument("names", nargs=-1, required=True)
    @pass_daemon
    def command(daemon: Daemon, /, names: tuple[str, ...], template: str | None, **asked: Any) -> None:
        _inspect(daemon, names, [kind], template, {kind: asked})

    return command


container = _one_kind("container")
container.params.append(click.Option(["--size", "-s"], is_flag=True, help="Display total file sizes."))
image = _one_kind("image")
image.params.append(
    click.Option(
        ["--platform"],
        callback=lambda _context, _option, text: platform_document(text),
        help="Inspect a specific platform of the multi-platform image.",
    )
)
network = _one_kind("network")
network.params.append(click.Option(["--verbose", "-v"], is_flag=True, help="Verbose output for diagnostics."))
volume = _one_kind("volume")


def _inspect(
    daemon: Daemon, names: Sequence[str], kinds: Sequence[str], template: str | None, asked: dict[str, Json]
) -> None:
    """`asked` are the parameters of each kind's request."""
    found, missing = [], []
    for name in names:
        try:
            found.append(_find(daemon, name, kinds, asked))
        except DaemonError as error:
            missing.append(error if len(kinds) == 1 else CommandFailed(f"Error: No such object: {name}"))
    print_objects(found, template)
    for refusal in missing:
        refusal.show()
    if missing:
        raise ExitWith(1)


def _find(daemon: Daemon, name: str, kinds: Sequence[str], asked: dict[str, Json]) -> Any:
    """Of the first kind that has the name; raises the engine's refusal of the last."""
    for kind in kinds[:-1]:
        try:
            return _get(daemon, kind, name, asked)
        except DaemonError as error:
            if error.status != 404:
                raise
    return _get(daemon, kinds[-1], name, asked)


def _get(daemon: Daemon, kind: str, name: str, asked: dict[str, Json]) -> Any:
    parameters = {key: value for key, value in asked.get(kind, {}).items() if value}
    return daemon.get(_PATHS[kind].format(name), **parameters)
