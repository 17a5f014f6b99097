"""The container's root as criu wants it: every mount point there, and the root itself a mount.

A program that has been running needs its mount points where it left them, but the root it comes back to may be a fresh
one, or lie on another machine. They are made as `create` makes them: each mount's own point, those inside bind mounts
through the bind mount. All this is mounted in a namespace of the process's own, and ends with it.
"""

import os

from lowrt.checkpoint.external import is_bind, source_of
from lowrt.errors import Fault, describe, naming
from lowrt.linux import constants as c
from lowrt.linux import mount as m
from lowrt.linux.namespaces import unshare
from lowrt.linux.openat2 import O_PATH
from lowrt.rootfs.target import Root, clean, location, open_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.spec.model import Spec

    Json = dict[str, Any]


def leave_the_host() -> None:
    """A mount namespace of one's own: criu mounts cgroup hierarchies, which others would take for the host's."""
    unshare(c.CLONE_NEWNS)
    m.mount("", "/", "", m.MS_REC | m.MS_SLAVE)


def open_folders(*paths: str) -> list[int]:
    """criu's folders as this mount namespace has them: it mounts things in them."""
    try:
        return [os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) for path in paths if path]
    except OSError as error:
        raise naming("open", error) from error


def offer_root(spec: "Spec", place: str) -> None:
    """Mount the root, with all mount points, over `place`, in a mount namespace that the host does not see."""
    m.mount(spec.rootfs, place, "", m.MS_BIND | m.MS_REC)
    try:
        _make_all(spec, place)
    finally:
        m.umount2(place, m.MNT_DETACH)  # and whatever was mounted below
    m.mount(spec.rootfs, place, "", m.MS_BIND | m.MS_REC)


def _make_all(spec: "Spec", place: str) -> None:
    root_fd = os.open(place, O_PATH | os.O_DIRECTORY)
    try:
        root = Root(location(root_fd), root_fd)
        for entry in needed(spec):
            _make(spec, root, entry)
    finally:
        os.close(root_fd)


def needed(spec: "Spec") -> "list[Json]":
    """The mounts whose points must be there: a cgroup's lies in a tmpfs or in sysfs, and tmpfs are restored whole."""
    tmpfs = [clean(entry["destination"]) for entry in spec.mounts if entry.get("type") == "tmpfs"]
    return [
        entry
        for entry in spec.mounts
        if entry.get("type") != "cgroup" and not any(_is_below(clean(entry["destination"]), top) for top in tmpfs)
    ]


def _is_below(path: str, top: str) -> bool:
    return path.startswith(f"{top.rstrip('/')}/")


def _make(spec: "Spec", root: Root, entry: "Json") -> None:
    destination = entry["destination"]
    source = source_of(spec, entry) if is_bind(entry) else ""
    try:
        is_file = bool(source) and not os.path.isdir(source)
        if source:
            os.stat(source)  # one that is missing is no file
        target = open_target(root, destination, is_file=is_file, fstype=entry.get("type") or "")
        try:
            if source:
                m.mount(source, f"/proc/self/fd/{target}", "", m.MS_BIND | m.MS_REC)
        finally:
            os.close(target)
    except (OSError, Fault) as error:
        raise Fault(f"create criu restore mountpoint for {destination} mount: {describe(error)}") from error
