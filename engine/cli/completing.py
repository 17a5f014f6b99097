"""Names of objects for the shell's completion: asked of the engine, in a moment or not at all.

A completion never starts a daemon, never says anything of its own, and gives nothing where the engine does not answer.
"""

import threading
from collections.abc import Callable, Iterable

import click

from engine.cli.client import Daemon

_SECONDS = 2.0
_STATES = {
    "start": ("created", "exited"),
    "unpause": ("paused",),
    **dict.fromkeys(("stop", "kill", "exec", "attach", "top", "pause"), ("running", "paused", "restarting")),
}
_KINDS = {
    **dict.fromkeys(("container", "containers", "words"), "container"),
    **dict.fromkeys(("image", "images"), "image"),
    **dict.fromkeys(("network", "networks"), "network"),
    "volumes": "volume",
}
_BY_COMMAND = {
    ("tag", "source"): "image",
    ("push", "reference"): "image",
    ("pull", "reference"): "image",
    ("images", "reference"): "image",
    ("cp", "source"): "path",
    ("cp", "target"): "path",
}


def kind_of(ctx: click.Context, parameter: str) -> str:
    """What an argument names: by its own name, and by the command's and the group's where that says more."""
    group = ctx.parent.info_name if ctx.parent is not None else ""
    if group == "context" and parameter in ("name", "names") and ctx.info_name not in ("create", "import"):
        return "context"
    if parameter == "names":
        return group if group in ("container", "image", "network", "volume") else "all"
    return _BY_COMMAND.get((ctx.info_name or "", parameter)) or _KINDS.get(parameter, "")


def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names that begin so; those that the line has already are left out."""
    kind = kind_of(ctx, parameter.name or "")
    if not kind:
        return []
    taken = ctx.params.get(parameter.name or "") or ()
    had = set(taken if isinstance(taken, tuple) else (taken,)) - {incomplete}
    found = _in_time(lambda: list(_names(ctx, kind)))
    return sorted(name for name in set(found) - had if name.startswith(incomplete))


def _in_time(ask: Callable[[], list[str]]) -> list[str]:
    """An engine that hangs does not hang the shell."""
    found: list[str] = []

    def run() -> None:
        try:
            found.extend(ask())
        except Exception:  # there is nobody to tell
            return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return list(found)


def _names(ctx: click.Context, kind: str) -> Iterable[str]:
    if kind == "context":
        from engine.cli import contexts
        from engine.cli.address import DEFAULT_CONTEXT

        yield from (DEFAULT_CONTEXT, *contexts.names())
        return
    daemon = _daemon(ctx)
    wanted = ("container", "image", "network", "volume") if kind == "all" else (kind,)
    if kind == "path":
        yield from (f"{name}:" for name in _containers(daemon, ()))
    if "container" in wanted:
        yield from _containers(daemon, _STATES.get(ctx.info_name or "", ()))
    if "image" in wanted:
        for image in daemon.get("/images/json"):
            for tag in image.get("RepoTags") or ():
                yield tag
                yield tag.removesuffix(":latest")
    if "network" in wanted:
        yield from (network["Name"] for network in daemon.get("/networks"))
    if "volume" in wanted:
        yield from (volume["Name"] for volume in daemon.get("/volumes").get("Volumes") or ())


def _containers(daemon: Daemon, states: tuple[str, ...]) -> Iterable[str]:
    filters = {"status": list(states)} if states else None
    for container in daemon.get("/containers/json", all=True, filters=filters):
        yield from (name.lstrip("/") for name in container["Names"])


def _daemon(ctx: click.Context) -> Daemon:
    """That of the line's global flags; one that would start itself is not started."""
    from engine.cli.main import daemon_of

    flags = ctx.find_root().params
    tls = {name: flags.get(name) for name in ("tls", "tlsverify", "tlscacert", "tlscert", "tlskey")}
    daemon = daemon_of(flags.get("host"), flags.get("context"), **tls)
    daemon.never_start()
    return daemon
