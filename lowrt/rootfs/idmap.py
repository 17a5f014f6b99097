"""Id-mapped mounts: a detached mount shows its owners through the id maps of a user namespace (Linux 5.12).

The namespace is either one that exists (by path) or made for the purpose: a child that does nothing but be in it.
"""

import os

from lowrt.errors import Fault, reason_of
from lowrt.linux.mount import MOUNT_ATTR_IDMAP, mount_setattr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]


class Mapping:
    """Where a mount's ids come from: a path, or two lists of mappings."""

    __slots__ = ("gids", "namespace_path", "uids")

    def __init__(self, namespace_path: str, uids: "list[Json]", gids: "list[Json]") -> None:
        self.namespace_path = namespace_path
        self.uids = uids
        self.gids = gids

    def apply(self, mount_fd: int, *, recursive: bool) -> None:
        """mount_setattr(2) MOUNT_ATTR_IDMAP; needs privilege over the filesystem."""
        namespace = self._open()
        try:
            mount_setattr(mount_fd, MOUNT_ATTR_IDMAP, recursive=recursive, userns_fd=namespace)
        except OSError as error:
            hint = (
                " (maybe the filesystem used doesn't support idmap mounts on this kernel?)" if error.errno == 22 else ""
            )
            raise Fault(f"failed to set MOUNT_ATTR_IDMAP: {reason_of(error)}{hint}") from error
        finally:
            os.close(namespace)

    def _open(self) -> int:
        if self.namespace_path:
            return os.open(self.namespace_path, os.O_RDONLY | os.O_CLOEXEC)
        return new_user_namespace(self.uids, self.gids)


def map_lines(mappings: "list[Json]") -> str:
    """/proc/<pid>/uid_map's text."""
    return "".join(f"{e.get('containerID', 0)} {e.get('hostID', 0)} {e.get('size', 0)}\n" for e in mappings)


def new_user_namespace(uids: "list[Json]", gids: "list[Json]") -> int:
    """An fd of a user namespace with these maps; nobody has to stay in it."""
    from lowrt.linux.namespaces import unshare

    ready_out, ready_in = os.pipe()
    done_out, done_in = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(ready_out)
            os.close(done_in)
            unshare(0x10000000)  # CLONE_NEWUSER
            os.write(ready_in, b"1")
            os.read(done_out, 1)
        finally:
            os._exit(0)
    os.close(ready_in)
    os.close(done_out)
    try:
        if os.read(ready_out, 1) != b"1":
            raise Fault("failed to create userns for id-mapping")
        for name, mappings in (("uid_map", uids), ("gid_map", gids)):
            _write(f"/proc/{child}/{name}", map_lines(mappings))
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready_out)
        os.close(done_in)
        os.waitpid(child, 0)


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
