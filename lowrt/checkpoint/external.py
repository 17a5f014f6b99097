"""What of a container comes from outside: mounts and namespaces that criu must not dump, and finds when it restores.

Each has a key, which the image remembers: a mount's is the place in the container, a namespace's `extRootNetNS` and the
like. They are runc's keys, so that either runtime restores what the other has dumped.
"""

import os
import stat

from lowrt.errors import Fault
from lowrt.linux import mount as m
from lowrt.linux.namespaces import FILES
from lowrt.linux.openat2 import O_PATH, open_in_root
from lowrt.rootfs.devices import nodes_of
from lowrt.rootfs.plan import hierarchies
from lowrt.rootfs.target import clean, location
from lowrt.spec import mount_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.spec.model import Spec

    Json = dict[str, Any]

_NULL = "/dev/null"

# Those that criu takes from outside; the others it joins while it restores.
_BY_KEY = {"network": 31100, "pid": 31500}


class Mount:
    """A mount from outside: its place in the container, and what is mounted there."""

    __slots__ = ("place", "source")

    def __init__(self, place: str, source: str) -> None:
        self.place = place
        self.source = source


def external_mounts(spec: "Spec", cgroup_paths: dict[str, str], *, unified: bool) -> list[Mount]:
    """In the configuration's order; pure."""
    found = []
    for entry in spec.mounts:
        place = clean(entry["destination"])
        if is_bind(entry):
            found.append(Mount(place, source_of(spec, entry)))
        elif entry.get("type") == "cgroup" and not unified and not spec.has_namespace("cgroup"):
            # v1 without a cgroup namespace: a tmpfs, and in it a bind mount per hierarchy.
            found += [Mount(f"{place}/{h.name}", h.folder) for h in hierarchies(cgroup_paths)]
    return found


def is_bind(entry: "Json") -> bool:
    return bool(mount_options.parse(entry.get("options") or []).flags & m.MS_BIND)


def source_of(spec: "Spec", entry: "Json") -> str:
    return os.path.normpath(os.path.join(spec.bundle, entry.get("source") or ""))


def device_mounts(spec: "Spec") -> list[Mount]:
    """Where no nodes may be made the host's are mounted; criu ignores those that are nodes after all."""
    return [Mount(node.path, node.path) for node in nodes_of(spec)]


def dumped(mounts: list[Mount], rootfs: str) -> "list[Json]":
    """For a dump: the mount at that place is to be remembered by its place."""
    return [{"key": place, "val": place} for place in _places(mounts, rootfs)]


def restored(mounts: list[Mount], rootfs: str) -> "list[Json]":
    """For a restore: what was remembered by that place comes from this source."""
    return [{"key": place, "val": mount.source} for place, mount in zip(_places(mounts, rootfs), mounts, strict=True)]


def _places(mounts: list[Mount], rootfs: str) -> list[str]:
    """The places as mountinfo has them, links in the image followed; what is not there yet stays as it is written."""
    root_fd = os.open(rootfs, O_PATH | os.O_DIRECTORY)
    try:
        root = location(root_fd)
        return [_follow(root_fd, root, mount.place) for mount in mounts]
    finally:
        os.close(root_fd)


def _follow(root_fd: int, root: str, place: str) -> str:
    head, tail = place, ""
    while head != "/":
        try:
            fd = open_in_root(root_fd, head)
        except OSError:
            head, _, name = head.rpartition("/")
            head, tail = head or "/", f"/{name}{tail}"
            continue
        try:
            return clean(os.path.relpath(location(fd), root) + tail)
        finally:
            os.close(fd)
    return tail


def dumped_masks(paths: list[str], pid: int) -> "list[Json]":
    """Masked files are covered by /dev/null, which comes from outside; directories by a tmpfs, which is dumped."""
    root_fd = os.open(f"/proc/{pid}/root", O_PATH | os.O_DIRECTORY)
    try:
        return [{"key": path, "val": _NULL} for path in map(clean, paths) if _is_file(root_fd, path)]
    finally:
        os.close(root_fd)


def _is_file(root_fd: int, path: str) -> bool:
    try:
        fd = open_in_root(root_fd, path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        return not stat.S_ISDIR(os.fstat(fd).st_mode)
    finally:
        os.close(fd)


def restored_masks(paths: list[str]) -> "list[Json]":
    return [{"key": _NULL, "val": _NULL}] if paths else []


def dumped_namespaces(spec: "Spec", pid: int) -> list[str]:
    """The namespaces that the container was put into by path, as criu's --external has them."""
    joined = [kind for kind in _BY_KEY if spec.namespaces.get(kind)]
    return [f"{FILES[kind]}[{os.stat(f'/proc/{pid}/ns/{FILES[kind]}').st_ino}]:{_key(kind)}" for kind in joined]


def restored_namespaces(spec: "Spec", first_fd: int, opened: list[int]) -> "Json":
    """criu's options for namespaces joined by path; what it inherits is opened, and gets the fds from `first_fd` on."""
    inherit: list[Json] = []
    join: list[Json] = []
    for kind, path in spec.namespaces.items():
        if not path:
            continue
        if kind in _BY_KEY:
            inherit.append({"key": _key(kind), "fd": first_fd + len(opened)})
            opened.append(_open_namespace(kind, path))
        elif kind in ("cgroup", "time"):
            raise Fault(f"Do not know how to handle namespace {kind}")
        else:
            join.append({"ns": FILES[kind], "ns_file": path})
    return {"inherit_fd": inherit, "join_ns": join}


def check_version(spec: "Spec", version: int, when: str) -> None:
    """A Fault when criu is older than its knowledge of a namespace from outside."""
    for kind, oldest in _BY_KEY.items():
        if spec.namespaces.get(kind) and version < oldest:
            what = f"external {FILES[kind]} namespace during {when}"
            raise Fault(f"criu lacks support for {what} (old criu version?)")


def _open_namespace(kind: str, path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Fault(f"Requested {kind} namespace {path} does not exist") from error


def _key(kind: str) -> str:
    return f"extRoot{FILES[kind].capitalize()}NS"
