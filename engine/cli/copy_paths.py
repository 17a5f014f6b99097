"""docker cp's rules for where a copy lands.

`cp a b` renames when b is no folder, and fills it when it is; `a/.` means the contents of a.
https://docs.docker.com/reference/cli/docker/container/cp/ Pure, but for a look at the local target.
"""

import base64
import json
import os
from typing import NamedTuple

from engine.cli.errors import CommandFailed

_GO_DIRECTORY = 1 << 31  # Go's os.ModeDir


class Stat(NamedTuple):
    """What the engine says of a path in a container."""

    name: str
    is_dir: bool
    link_target: str


def stat_from_header(header: str) -> Stat:
    """X-Docker-Container-Path-Stat: base64 of a JSON object."""
    fields = json.loads(base64.b64decode(header))
    return Stat(fields["name"], bool(fields["mode"] & _GO_DIRECTORY), fields.get("linkTarget") or "")


def copy_target(
    source: str,
    name: str,
    target: str,
    *,
    source_is_dir: bool,
    target_is_dir: bool | None = None,
    local: bool = False,
) -> tuple[str, str]:
    """The folder to unpack in, and the name the source gets there; raises CommandFailed where docker refuses.

    `target_is_dir` is None for a target that does not exist.
    """
    if local:
        target_is_dir = os.path.isdir(target) if os.path.lexists(target) else None
    contents_only = source.endswith("/.") or source == "."
    if target_is_dir:
        return target, "." if contents_only and source_is_dir else name
    if target_is_dir is False:
        if source_is_dir:
            raise CommandFailed("cannot copy directory")
        if target.endswith("/"):
            raise CommandFailed(f"{target}: not a directory")
    elif not source_is_dir and target.endswith("/"):
        raise CommandFailed("destination directory must exist" if not local else f"{target}: no such directory")
    folder, last = os.path.split(target.rstrip("/"))
    return folder or ("." if local else "/"), last
