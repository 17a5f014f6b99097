"""`wherry manifest inspect|create|annotate|push|rm`: what a registry has, as the engine reads and writes it there."""

import json
from typing import Any

import click

from engine.cli import manifest_lists
from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed, ExitWith
from engine.cli.grammar import Command, pass_daemon
from engine.cli.pulling import auth_header, split_tag

Json = dict[str, Any]

_INSECURE = click.option("--insecure", is_flag=True, help="Allow communication with a registry without TLS.")
_OCI = "application/vnd.oci."
_KINDS = (f"{_OCI}image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_CHOICES = (("architecture", "arch"), ("os", "os"), ("os.features", "os_features"), ("os.version", "os_version"))


@click.command(cls=Command)
@_INSECURE
@click.option("--verbose", "-v", is_flag=True, help="Name, descriptor and content, of every platform.")
@click.argument("manifests", metavar="[MANIFEST_LIST] NAME[:TAG|@DIGEST]", nargs=-1, required=True)
@pass_daemon
def inspect(daemon: Daemon, manifests: tuple[str, ...], verbose: bool, insecure: bool) -> None:
    """Display an image manifest, or manifest list: one made here first, or that of a registry."""
    if len(manifests) > 2:
        raise click.UsageError("one manifest, or one of a list, is displayed at a time")
    manifest_list, reference = manifests if len(manifests) == 2 else (None, manifests[0])
    local = _of_list(manifest_list, reference) if manifest_list else manifest_lists.members(reference)
    if local:
        _show(local if verbose or manifest_list else _listed(local), single=bool(manifest_list), verbose=verbose)
        return
    found = _ask(daemon, reference, insecure=insecure)
    if not verbose:
        _print(found["Manifest"])
        return
    listed = found["Manifest"].get("manifests")
    if listed is None:
        _print(_of_registry(reference, found))
        return
    shown = []
    for one in listed:
        name = f"{split_tag(reference)[0]}@{one['digest']}"
        shown.append(_described(name, one, _ask(daemon, name, insecure=insecure)["Manifest"]))
    _print(shown)


@click.command(cls=Command)
@click.option("--amend", "-a", is_flag=True, help="Amend an existing manifest list.")
@_INSECURE
@click.argument("manifest_list")
@click.argument("references", metavar="MANIFEST...", nargs=-1, required=True)
@pass_daemon
def create(daemon: Daemon, manifest_list: str, references: tuple[str, ...], amend: bool, insecure: bool) -> None:
    """Create a local manifest list for annotating and pushing to a registry."""
    name = manifest_lists.full_name(manifest_list)
    if manifest_lists.members(name) and not amend:
        raise CommandFailed(f"refusing to amend an existing manifest list with no --amend flag: {name}")
    for reference in references:
        found = _ask(daemon, reference, insecure=insecure)
        if "manifests" in found["Manifest"]:
            raise CommandFailed(f"{reference} is a manifest list: name its images by digest")
        known = manifest_lists.full_name(reference)
        manifest_lists.write(name, known, _of_registry(known, found))
    click.echo(f"Created manifest list {name}")


@click.command(cls=Command)
@click.option("--arch", help="Set architecture.")
@click.option("--os", help="Set operating system.")
@click.option("--os-features", multiple=True, help="Set operating system feature.")
@click.option("--os-version", help="Set operating system version.")
@click.option("--variant", help="Set architecture variant.")
@click.argument("manifest_list")
@click.argument("reference", metavar="MANIFEST")
def annotate(manifest_list: str, reference: str, **flags: Any) -> None:
    """Add additional information to a local image manifest."""
    (found,) = _of_list(manifest_list, reference)
    platform = found["Descriptor"].setdefault("platform", {})
    features = [word for text in flags.pop("os_features") for word in text.split(",")]
    for key, flag in (*_CHOICES, ("variant", "variant")):
        value = features if flag == "os_features" else flags[flag]
        if value:
            platform[key] = value
    manifest_lists.write(manifest_list, reference, found)


@click.command(cls=Command)
@_INSECURE
@click.option("--purge", "-p", is_flag=True, help="Remove the local manifest list after push.")
@click.argument("manifest_list")
@pass_daemon
def push(daemon: Daemon, manifest_list: str, insecure: bool, purge: bool) -> None:
    """Push a manifest list to a repository."""
    name = manifest_lists.full_name(manifest_list)
    found = manifest_lists.members(name)
    if not found:
        raise CommandFailed(f"{manifest_list} not found")
    for one in found:
        platform = one["Descriptor"].get("platform") or {}
        if not platform.get("os") or not platform.get("architecture"):
            raise CommandFailed(f"manifest {one['Ref']} must have an OS and Architecture to be pushed to a registry")
    body = {"Manifests": [{"Ref": one["Ref"], "Descriptor": one["Descriptor"]} for one in found]}
    path, parameters = f"/distribution/{name}/json", {"insecure": insecure or None}
    click.echo(daemon.call("PUT", path, parameters, body, auth_header(name))["Digest"])
    if purge:
        manifest_lists.remove(name)


@click.command("rm", cls=Command)
@click.argument("manifest_lists_", metavar="MANIFEST_LIST...", nargs=-1, required=True)
def remove(manifest_lists_: tuple[str, ...]) -> None:
    """Delete one or more manifest lists from local storage."""
    missing = [name for name in manifest_lists_ if not manifest_lists.remove(name)]
    for name in missing:
        click.echo(f"No such manifest: {name}", err=True)
    if missing:
        raise ExitWith(1)


def _of_list(manifest_list: str, reference: str) -> list[Json]:
    found = manifest_lists.member(manifest_list, reference)
    if found is None:
        raise CommandFailed(f"No such manifest: {reference} in {manifest_list}")
    return [found]


def _listed(members: list[Json]) -> Json:
    """The list as it would be pushed."""
    oci = all(str(one["Descriptor"].get("mediaType", "")).startswith(_OCI) for one in members)
    listed = [one["Descriptor"] for one in members]
    return {"schemaVersion": 2, "mediaType": _KINDS[0 if oci else 1], "manifests": listed}


def _show(found: Any, *, single: bool, verbose: bool) -> None:
    if single:
        found = found[0] if verbose else manifest_lists.schema_of(found[0])
    _print(found)


def _print(document: Any) -> None:
    click.echo(json.dumps(document, indent="\t", ensure_ascii=False))


def _of_registry(reference: str, found: Json) -> Json:
    platform = {"platform": found["Platforms"][0]} if found.get("Platforms") else {}
    return _described(reference, found["Descriptor"] | platform, found["Manifest"])


def _described(name: str, descriptor: Json, manifest: Json) -> Json:
    of_the_oci = str(descriptor.get("mediaType", "")).startswith(_OCI)
    return {"Ref": name, "Descriptor": descriptor, "OCIManifest" if of_the_oci else "SchemaV2Manifest": manifest}


def _ask(daemon: Daemon, reference: str, *, insecure: bool = False) -> Json:
    parameters = {"manifest": 1, "insecure": insecure or None}
    found: Json = daemon.call("GET", f"/distribution/{reference}/json", parameters, headers=auth_header(reference))
    if "Manifest" not in found:
        raise CommandFailed("this engine tells no manifests: it is dockerd, whose own command line asks the registry")
    return found
