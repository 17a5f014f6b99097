"""`wherry container|image|network|volume|builder|system prune`."""

from collections.abc import Sequence
from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed, ExitWith
from engine.cli.grammar import Command, filters_from, pass_daemon
from engine.cli.humane import parse_bytes, size

Query = dict[str, str]
_FORCE = click.option("--force", "-f", is_flag=True, help="Do not prompt for confirmation.")
_FILTER = click.option("--filter", "filters", multiple=True, help="Provide filter values (e.g. until=24h).")
_DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Say what would be removed, and remove nothing (an engine of wherry only)."
)
_ALL = click.option(
    "--all", "-a", "every", is_flag=True, help="Remove all unused ones, not just dangling or anonymous."
)


@click.command("prune", cls=Command)
@_FILTER
@_FORCE
@_DRY_RUN
@pass_daemon
def containers(daemon: Daemon, filters: tuple[str, ...], force: bool, dry_run: bool) -> None:
    """Remove all stopped containers."""
    dry = _ask(daemon, force, dry_run, "This will remove all stopped containers.")
    _report(
        "Containers", daemon.post("/containers/prune", filters=filters_from(filters), **dry), "ContainersDeleted", dry
    )


@click.command("prune", cls=Command)
@_ALL
@_FILTER
@_FORCE
@_DRY_RUN
@pass_daemon
def images(daemon: Daemon, every: bool, filters: tuple[str, ...], force: bool, dry_run: bool) -> None:
    """Remove unused images."""
    what = "all images without at least one container associated to them" if every else "all dangling images"
    dry = _ask(daemon, force, dry_run, f"This will remove {what}.")
    wanted = filters_from([*filters, f"dangling={'false' if every else 'true'}"])
    _report("Images", daemon.post("/images/prune", filters=wanted, **dry), "ImagesDeleted", dry)


@click.command("prune", cls=Command)
@_FILTER
@_FORCE
@_DRY_RUN
@pass_daemon
def networks(daemon: Daemon, filters: tuple[str, ...], force: bool, dry_run: bool) -> None:
    """Remove all unused networks."""
    dry = _ask(daemon, force, dry_run, "This will remove all custom networks not used by at least one container.")
    _report("Networks", daemon.post("/networks/prune", filters=filters_from(filters), **dry), "NetworksDeleted", dry)


@click.command("prune", cls=Command)
@_ALL
@_FILTER
@_FORCE
@_DRY_RUN
@pass_daemon
def volumes(daemon: Daemon, every: bool, filters: tuple[str, ...], force: bool, dry_run: bool) -> None:
    """Remove unused local volumes."""
    dry = _ask(
        daemon,
        force,
        dry_run,
        f"This will remove {'all' if every else 'anonymous'} local volumes not used by a container.",
    )
    wanted = filters_from([*filters, *(["all=true"] if every else [])])
    _report("Volumes", daemon.post("/volumes/prune", filters=wanted, **dry), "VolumesDeleted", dry)


@click.command("prune", cls=Command)
@_ALL
@click.option("--volumes", "with_volumes", is_flag=True, help="Prune anonymous volumes.")
@_FILTER
@_FORCE
@_DRY_RUN
@pass_daemon
def everything(
    daemon: Daemon, every: bool, with_volumes: bool, filters: tuple[str, ...], force: bool, dry_run: bool
) -> None:
    """Remove unused data: stopped containers, unused networks, dangling images, and volumes when asked."""
    parts = ["all stopped containers", "all networks not used by at least one container"]
    parts.append("all images without a container" if every else "all dangling images")
    parts += ["all anonymous volumes not used by at least one container"] if with_volumes else []
    dry = _ask(daemon, force, dry_run, "This will remove:\n" + "\n".join(f"  - {part}" for part in parts) + "\n")
    wanted = filters_from(filters)
    freed = _names("Containers", daemon.post("/containers/prune", filters=wanted, **dry), "ContainersDeleted", dry)
    freed += _names("Networks", daemon.post("/networks/prune", filters=wanted, **dry), "NetworksDeleted", dry)
    if with_volumes:
        freed += _names("Volumes", daemon.post("/volumes/prune", filters=wanted, **dry), "VolumesDeleted", dry)
    images_wanted = filters_from([*filters, f"dangling={'false' if every else 'true'}"])
    freed += _names("Images", daemon.post("/images/prune", filters=images_wanted, **dry), "ImagesDeleted", dry)
    click.echo(f"Total {'reclaimable' if dry else 'reclaimed'} space: {size(freed)}")


@click.command("prune", cls=Command)
@_ALL
@_FILTER
@click.option("--keep-storage", metavar="BYTES", help="Keep so many bytes of the cache, those used last.")
@click.option("--reserved-space", metavar="BYTES", help="The same, by its newer name.")
@click.option("--max-used-space", metavar="BYTES", help="Let the cache have no more than so many bytes.")
@click.option("--min-free-space", metavar="BYTES", help="Remove only until so many bytes of the disk are free.")
@_FORCE
@pass_daemon
def builder(daemon: Daemon, /, every: bool, filters: tuple[str, ...], force: bool, **limits: str | None) -> None:
    """Remove what is cached of builds; with --all the cache mounts, too."""
    what = "all build cache" if every else "all cached steps of builds"
    _confirm(force, f"This will remove {what}.")
    query = {name.replace("_", "-"): parse_bytes(text) for name, text in limits.items() if text}
    gone = daemon.post("/build/prune", all=every or None, filters=filters_from(filters), **query)
    _report("build cache objects", gone, "CachesDeleted", {})


def _ask(daemon: Daemon, force: bool, dry_run: bool, warning: str) -> Query:
    """What to add to the query; only an engine of ours is asked for a dry run: any other would remove."""
    if not dry_run:
        _confirm(force, warning)
        return {}
    platform = (daemon.get("/version").get("Platform") or {}).get("Name") or ""
    if "wherry" not in platform.lower():
        raise CommandFailed("--dry-run needs an engine of wherry: this one would remove")
    return {"dryrun": "1"}


def _confirm(force: bool, warning: str) -> None:
    if force:
        return
    click.echo(f"WARNING! {warning}")
    if not click.confirm("Are you sure you want to continue?"):
        raise ExitWith(1)


def _report(what: str, answer: dict[str, Any], key: str, dry: Query) -> None:
    freed = _names(what, answer, key, dry)
    if "SpaceReclaimed" in answer:
        click.echo(f"Total {'reclaimable' if dry else 'reclaimed'} space: {size(freed)}")


def _names(what: str, answer: dict[str, Any], key: str, dry: Query) -> int:
    """Print what went, or would go; the bytes that came free."""
    gone: Sequence[Any] = answer.get(key) or []
    if gone:
        click.echo(f"{'Would delete' if dry else 'Deleted'} {what}:")
        for one in gone:
            text = "\n".join(f"{verb.lower()}: {name}" for verb, name in one.items()) if isinstance(one, dict) else one
            click.echo(text)
        click.echo()
    return int(answer.get("SpaceReclaimed") or 0)
