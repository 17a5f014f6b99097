"""Trees shown with other owners: idmapped mounts, for containers in a user namespace on somebody else's snapshot."""

import contextlib
import os
import signal
from collections.abc import Iterator

from proto.errdefs import InvalidArgument
from shim import linux


def parse_map(text: str) -> str:
    """ "0:100000:65536,…" as container:host:size → the lines of uid_map; raises InvalidArgument."""
    lines = []
    for entry in text.split(","):
        parts = entry.split(":")
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
            raise InvalidArgument(f"invalid id mapping {entry!r}")
        lines.append(" ".join(parts))
    return "\n".join(lines) + "\n"


def remap(target: str, uidmap: str, gidmap: str) -> None:
    """Replace a mount by the same tree with mapped owners."""
    with _user_namespace(uidmap, gidmap) as userns:
        tree = linux.open_tree(target, linux.OPEN_TREE_CLONE | linux.AT_RECURSIVE)
        try:
            linux.mount_setattr(tree, linux.MOUNT_ATTR_IDMAP, userns, linux.AT_EMPTY_PATH | linux.AT_RECURSIVE)
            linux.umount2(target, linux.MNT_DETACH)
            linux.move_mount(tree, target)
        finally:
            os.close(tree)


@contextlib.contextmanager
def mapped_layers(lowers: list[str], uidmap: str, gidmap: str) -> Iterator[list[str]]:
    """The folders through an idmapped, read-only view of their common parent: overlayfs itself cannot be remapped.

    The view may go as soon as the overlay is mounted, which holds its layers by itself.
    """
    if not lowers:
        raise InvalidArgument("failed to parse overlay lowerdir's from given options")
    parent = os.path.commonpath(lowers) if len(lowers) > 1 else os.path.dirname(lowers[0])
    if parent in ("", "/"):
        raise InvalidArgument(f"invalid common directory: {parent}")
    view = f"/tmp/ovl-idmapped{os.urandom(8).hex()}"
    os.mkdir(view, 0o700)
    try:
        with _user_namespace(uidmap, gidmap) as userns:
            _mount_view(parent, view, userns)
        try:
            yield [os.path.join(view, os.path.relpath(lower, parent)) for lower in lowers]
        finally:
            linux.umount2(view, linux.MNT_DETACH)
    finally:
        os.rmdir(view)


def _mount_view(parent: str, view: str, userns: int) -> None:
    tree = linux.open_tree(parent, linux.OPEN_TREE_CLONE)
    try:
        linux.mount_setattr(tree, linux.MOUNT_ATTR_IDMAP | linux.MOUNT_ATTR_RDONLY, userns)
        linux.move_mount(tree, view)
    finally:
        os.close(tree)


@contextlib.contextmanager
def _user_namespace(uidmap: str, gidmap: str) -> Iterator[int]:
    """An fd of a user namespace with these maps; a child makes it and waits until we have it."""
    maps = {"uid_map": parse_map(uidmap), "gid_map": parse_map(gidmap)}
    ready_read, ready_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _hold_namespace(ready_write)
    os.close(ready_write)
    try:
        if os.read(ready_read, 1) != b"1":
            raise OSError("cannot make a user namespace")
        for name, content in maps.items():
            with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as file:
                file.write(content)
        userns = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield userns
        finally:
            os.close(userns)
    finally:
        os.close(ready_read)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _hold_namespace(ready: int) -> None:
    """In the child: enter a new user namespace, say so, and wait to be killed."""
    try:
        linux.unshare(linux.CLONE_NEWUSER)
        os.write(ready, b"1")
        signal.pause()
    finally:
        os._exit(1)
