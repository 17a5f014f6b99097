"""Host devices for a container: device nodes and the cgroup rules that admit them. The only file of spec that looks
at the host.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from typing import Any

from proto.errdefs import InvalidArgument, NotFound

Json = dict[str, Any]

_RULE = re.compile(r"^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})\Z")
_PERMISSIONS = re.compile(r"^[rwm]{1,3}\Z")


def _allow(kind: str, major: int, minor: int) -> Json:
    return {"allow": True, "type": kind, "major": major, "minor": minor, "access": "rwm"}


# What Docker's default spec says; the runtime adds ptmx, pts and mknod itself.
DEFAULT_RULES: tuple[Json, ...] = (
    {"allow": False, "access": "rwm"},
    _allow("c", 1, 5),
    _allow("c", 1, 3),
    _allow("c", 1, 9),
    _allow("c", 1, 8),
    _allow("c", 5, 0),
    _allow("c", 5, 1),
    {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "rwm"},
)
ALLOW_ALL: Json = {"allow": True, "access": "rwm"}


def check_mapping(mapping: Json) -> None:
    """Refuse a permission string outside of r, w, m."""
    mode = mapping.get("CgroupPermissions") or "rwm"
    if not _PERMISSIONS.match(mode):
        raise InvalidArgument(f"invalid device mode: {mode}")


def parse_rule(text: str) -> Json:
    """One --device-cgroup-rule: "c 1:3 mr"."""
    match = _RULE.match(text)
    if match is None:
        raise InvalidArgument(f"invalid device cgroup rule format: '{text}'")
    kind, major, minor, access = match.groups()
    rule: Json = {"allow": True, "type": kind, "access": access}
    if major != "*":
        rule["major"] = int(major)
    if minor != "*":
        rule["minor"] = int(minor)
    return rule


def mapped(mappings: Sequence[Json]) -> tuple[list[Json], list[Json]]:
    """--device entries → (nodes, cgroup rules); a folder stands for every device below it."""
    nodes, rules = [], []
    for mapping in mappings:
        source = mapping.get("PathOnHost") or ""
        target = mapping.get("PathInContainer") or source
        access = mapping.get("CgroupPermissions") or "rwm"
        found = list(_below(os.path.realpath(source), target))
        if not found:
            reason = "not a device node" if os.path.lexists(source) else "no such file or directory"
            raise NotFound(f'error gathering device information while adding custom device "{source}": {reason}')
        for path, name in found:
            node = node_of(path, name)
            nodes.append(node)
            rules.append({"allow": True, "access": access} | {key: node[key] for key in ("type", "major", "minor")})
    return nodes, rules


def host_devices() -> list[Json]:
    """Every device node of the host's /dev, for privileged containers; pts and shm are the container's own."""
    skipped = {"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console", "initctl"}
    return [
        node_of(path, path)
        for name in sorted(os.listdir("/dev"))
        if name not in skipped
        for path, _ in _below(f"/dev/{name}", f"/dev/{name}")
    ]


def _below(path: str, target: str) -> Iterator[tuple[str, str]]:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        yield path, target
    elif stat.S_ISDIR(mode):
        for name in sorted(os.listdir(path)):
            yield from _below(f"{path}/{name}", f"{target}/{name}")


def node_of(path: str, name: str) -> Json:
    """The spec's entry for one host device node."""
    found = os.stat(path)
    return {
        "path": name,
        "type": "b" if stat.S_ISBLK(found.st_mode) else "c",
        "major": os.major(found.st_rdev),
        "minor": os.minor(found.st_rdev),
        "fileMode": stat.S_IMODE(found.st_mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
    }
