"""`wherry images`."""

from collections.abc import Iterator
from typing import Any

import click

from engine.cli.client import Daemon
from engine.cli.formats import Column, Row, print_rows
from engine.cli.grammar import FORMAT_HELP, Command, filters_from, pass_daemon
from engine.cli.humane import ago, local_time, short_id, size
from engine.cli.image_tree import print_tree

_NONE, _NOT_ASKED = "<none>", "N/A"


@click.command(cls=Command)
@click.option("--all", "-a", "every", is_flag=True, help="Show all images (default hides intermediate images).")
@click.option("--digests", is_flag=True, help="Show digests.")
@click.option("--filter", "-f", "filters", multiple=True, help="Filter output based on conditions provided.")
@click.option("--format", "template", help=FORMAT_HELP)
@click.option("--no-trunc", is_flag=True, help="Don't truncate output.")
@click.option("--quiet", "-q", is_flag=True, help="Only show image IDs.")
@click.option("--tree", is_flag=True, help="List multi-platform images as a tree.")
@click.argument("reference", required=False)
@pass_daemon
def images(daemon: Daemon, /, reference: str | None, **flags: Any) -> None:
    """List images, all of them or those that REFERENCE (a name or a pattern) matches."""
    wanted = [*flags["filters"], *([f"reference={reference}"] if reference else [])]
    quiet, digests, template = flags["quiet"], flags["digests"], flags["template"]
    if flags["tree"]:
        print_tree(daemon, wanted, every=flags["every"], others=bool(digests or quiet or template))
        return
    found = daemon.get("/images/json", all=flags["every"] or None, filters=filters_from(wanted))
    rows = [row for image in found for row in names(image, with_digests=digests)]
    if quiet:
        rows = list({row["Id"]: row for row in rows}.values())
    print_rows(
        rows,
        columns(no_trunc=flags["no_trunc"]),
        ["Repository", "Tag", *(["Digest"] if digests else []), "ID", "CreatedSince", "Size"],
        template,
        quiet_key="ID" if quiet else "",
    )


def columns(*, no_trunc: bool, digits: int = 3) -> list[Column]:
    """Of an image by one of its names; sizes that only `system df` asks for are not there in a list."""

    def unique(row: Row) -> str:
        return size(row["Size"] - row["SharedSize"], digits) if _known(row, "SharedSize") else _NOT_ASKED

    return [
        ("REPOSITORY", "Repository", lambda row: row["_repository"]),
        ("TAG", "Tag", lambda row: row["_tag"]),
        ("DIGEST", "Digest", lambda row: row["_digest"]),
        ("IMAGE ID", "ID", lambda row: row["Id"] if no_trunc else short_id(row["Id"])),
        ("CREATED", "CreatedSince", lambda row: ago(row["Created"])),
        ("CREATED AT", "CreatedAt", lambda row: local_time(row["Created"])),
        ("SIZE", "Size", lambda row: size(row["Size"], digits)),
        ("CONTAINERS", "Containers", lambda row: str(row["Containers"]) if _known(row, "Containers") else _NOT_ASKED),
        ("VIRTUAL SIZE", "VirtualSize", lambda row: size(row["Size"], digits)),
        (
            "SHARED SIZE",
            "SharedSize",
            lambda row: size(row["SharedSize"], digits) if _known(row, "SharedSize") else _NOT_ASKED,
        ),
        ("UNIQUE SIZE", "UniqueSize", unique),
    ]


def _known(image: Row, key: str) -> bool:
    return int(image.get(key, -1)) >= 0


def names(image: Row, *, with_digests: bool = False) -> Iterator[Row]:
    """A row for each tag; for each digest where no tag has its repository; one of `<none>` for an image without."""
    digests = dict(text.partition("@")[::2] for text in image.get("RepoDigests") or [] if text != "<none>@<none>")
    tags = [text.rpartition(":")[::2] for text in image.get("RepoTags") or [] if text != "<none>:<none>"]
    tagged = {repository for repository, _ in tags}
    for repository, tag in tags:
        yield {**image, "_repository": repository, "_tag": tag, "_digest": digests.get(repository, _NONE)}
    for repository, digest in digests.items():
        if repository not in tagged and (with_digests or not tags):
            yield {**image, "_repository": repository, "_tag": _NONE, "_digest": digest}
    if not tags and not digests:
        yield {**image, "_repository": _NONE, "_tag": _NONE, "_digest": _NONE}
