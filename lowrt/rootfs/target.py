"""Where a mount goes: the fd of a mount point inside the container's root, found or made without being led out.

The container's image, and other containers through shared volumes, may change the tree while we look (CVE-2021-30465,
CVE-2024-45310). So the kernel resolves each component inside the root, and the answer is an fd that is mounted on.
"""

import errno
import os

from lowrt.errors import Fault, describe
from lowrt.linux.mount import PROC_SUPER_MAGIC, filesystem_type
from lowrt.linux.openat2 import (
    O_PATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_SYMLINKS,
    create_file_in_root,
    mkdir_all_in_root,
    open_in_root,
    openat2,
)

# Programs trust what they read there, and runtimes write there: a link would let the image choose what that is.
PLAIN_DIRECTORIES = ("/proc", "/sys", "/dev")

# What lxcfs puts over the host's view.
_MOUNTABLE_IN_PROC = {
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
}


class MountError(Fault):
    """A mount that cannot be made, named as the configuration names it."""


class Root:
    """The container's root while it is being built: an fd, and the path for comparison only.

    `proc_fd` is the root of a procfs that no image can have touched.
    """

    __slots__ = ("fd", "path", "proc_fd")

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self.fd = fd
        self.proc_fd = -1


def clean(destination: str) -> str:
    """Absolute and normalised; a relative destination is meant from the root."""
    path = os.path.normpath("/" + destination)
    return path[1:] if path.startswith("//") else path


def open_target(root: Root, destination: str, *, is_file: bool = False, fstype: str = "") -> int:
    """The mount point's O_PATH fd, made if missing."""
    destination = clean(destination)
    if destination in PLAIN_DIRECTORIES:
        fd = _open_plain_directory(root, destination, fstype)
    else:
        fd = _open_or_make(root, destination, is_file)
    try:
        _check_inside(root, fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def exists(root: Root, destination: str) -> bool:
    """Whether something is there already."""
    try:
        os.close(open_in_root(root.fd, clean(destination)))
    except OSError:
        return False
    return True


def _open_plain_directory(root: Root, destination: str, fstype: str) -> int:
    try:
        flags = O_PATH | os.O_DIRECTORY
        return openat2(root.fd, destination[1:], flags, resolve=RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS)
    except FileNotFoundError:
        return mkdir_all_in_root(root.fd, destination)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise MountError(f'filesystem "{fstype}" must be mounted on ordinary directory') from error
        raise


def _open_or_make(root: Root, destination: str, is_file: bool) -> int:
    try:
        return open_in_root(root.fd, destination)
    except FileNotFoundError:
        pass
    if not is_file:
        return mkdir_all_in_root(root.fd, destination)
    try:
        return create_file_in_root(root.fd, destination)
    except FileExistsError:
        # Another container that shares the volume made it just now, or it is a symlink to nowhere, which fails here.
        return open_in_root(root.fd, destination)


def _check_inside(root: Root, fd: int) -> None:
    where = location(fd)
    if where == root.path:
        raise MountError(f'mountpoint "{where}" is on the top of rootfs "{root.path}"')
    if not where.startswith(root.path.rstrip("/") + "/"):
        raise MountError(f'mountpoint "{where}" is outside of rootfs "{root.path}"')


def location(fd: int) -> str:
    """The path that an fd has now; for comparing and for messages, never for opening."""
    return os.readlink(f"/proc/self/fd/{fd}")


def check_proc(root: Root, target: int, fstype: str, source: int) -> None:
    """Nothing but a procfs on /proc, and nothing inside it but what lxcfs needs (CVE-2019-19921)."""
    where = "/" + os.path.relpath(location(target), root.path)
    if where == "/proc":
        if fstype == "proc" or (source >= 0 and filesystem_type(source) == PROC_SUPER_MAGIC):
            return
        raise MountError(f'"{location(target)}" cannot be mounted because it is not of type proc')
    if where.startswith("/proc/") and where not in _MOUNTABLE_IN_PROC:
        raise MountError(f'"{location(target)}" cannot be mounted because it is inside /proc')


def mount_error(source: str, destination: str, error: Exception) -> MountError:
    """The sentence that dockerd's users know."""
    return MountError(f'error mounting "{source}" to rootfs at "{destination}": {describe(error)}')
