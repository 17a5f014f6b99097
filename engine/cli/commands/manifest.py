"""`wherry manifest inspect`: what a registry has under a name, as the engine reads it there."""

import json
from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.errors import CommandFailed
from engine.cli.grammar import Command, pass_daemon
from engine.cli.pulling import auth_header, split_tag

Json = dict[str, Any]


@click.command(cls=Command)
@click.option("--verbose", "-v", is_flag=True, help="Name, descriptor and content, of every platform.")
@click.argument("reference", metavar="NAME[:TAG|@DIGEST]")
@pass_daemon
def inspect(daemon: Daemon, reference: str, verbose: bool) -> None:
    """Display an image manifest, or manifest list."""
    found = _ask(daemon, reference)
    if not verbose:
        click.echo(json.dumps(found["Manifest"], indent="\t", ensure_ascii=False))
        return
    members = found["Manifest"].get("manifests")
    if members is None:
        platform = {"platform": found["Platforms"][0]} if found.get("Platforms") else {}
        shown: Any = _described(reference, found["Descriptor"] | platform, found["Manifest"])
    else:
        shown = []
        for member in members:
            name = f"{split_tag(reference)[0]}@{member['digest']}"
            shown.append(_described(name, member, _ask(daemon, name)["Manifest"]))
    click.echo(json.dumps(shown, indent="\t", ensure_ascii=False))


def _described(name: str, descriptor: Json, manifest: Json) -> Json:
    of_the_oci = str(descriptor.get("mediaType", "")).startswith("application/vnd.oci.")
    return {"Ref": name, "Descriptor": descriptor, "OCIManifest" if of_the_oci else "SchemaV2Manifest": manifest}


def _ask(daemon: Daemon, reference: str) -> Json:
    found: Json = daemon.call("GET", f"/distribution/{reference}/json", {"manifest": 1}, headers=auth_header(reference))
    if "Manifest" not in found:
        raise CommandFailed("this engine tells no manifests: it is dockerd, whose own command line asks the registry")
    return found
