"""openat2(2): look paths up inside a root that somebody else may be changing, and create in it without being led out.

Every function takes the root as an fd and answers with an O_PATH fd; nobody may go back from there to a path.
"""

import errno
import os

from lowrt.linux import ffi as ctypes
from lowrt.linux.libc import check, libc

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

O_PATH = os.O_PATH | os.O_CLOEXEC

_SYS_OPENAT2 = 437  # the same on every architecture, as all calls since Linux 5.1
_RACES_TOLERATED = 128


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_openat2 = libc["syscall"]
_openat2.restype = ctypes.c_long
_openat2.argtypes = (
    ctypes.c_long,
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.POINTER(_OpenHow),
    ctypes.c_size_t,
)


def openat2(dir_fd: int, path: str, flags: int, mode: int = 0, resolve: int = 0) -> int:
    """openat2(2); O_CLOEXEC is added."""
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    result = _openat2(_SYS_OPENAT2, dir_fd, os.fsencode(path), how, ctypes.sizeof(how))
    return check(result, "openat2", path)


def open_in_root(root_fd: int, path: str, flags: int = O_PATH) -> int:
    """Open `path` as a process chrooted to `root_fd` would see it."""
    for _ in range(_RACES_TOLERATED):
        try:
            return openat2(root_fd, path.lstrip("/") or ".", flags, resolve=RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
        except BlockingIOError:
            # EAGAIN: a rename or mount happened somewhere while ".." was being resolved; openat2(2) says try again.
            continue
    raise OSError(errno.EAGAIN, "the path keeps changing while it is being resolved", path)


def mkdir_all_in_root(root_fd: int, path: str, mode: int = 0o755) -> int:
    """Make every missing directory of `path` inside the root; an O_PATH fd of the last one."""
    try:
        return open_in_root(root_fd, path, O_PATH | os.O_DIRECTORY)
    except FileNotFoundError:
        pass
    parts = [part for part in path.split("/") if part not in ("", ".")]
    current, missing = _deepest_existing(root_fd, parts)
    try:
        for part in missing:
            current = _step_into(current, part, mode, path)
    except BaseException:
        os.close(current)
        raise
    return current


def _deepest_existing(root_fd: int, parts: list[str]) -> tuple[int, list[str]]:
    for count in range(len(parts) - 1, -1, -1):
        try:
            return open_in_root(root_fd, "/".join(parts[:count]), O_PATH | os.O_DIRECTORY), parts[count:]
        except FileNotFoundError:
            continue
    raise FileNotFoundError(errno.ENOENT, "the root itself is gone")


def _step_into(parent: int, name: str, mode: int, path: str) -> int:
    """Replace `parent` by its directory `name`, made if missing; closes `parent` on success."""
    if name == "..":
        # It would climb out of a directory that was not there a moment ago: nobody sane asks for it.
        raise OSError(errno.ENOENT, "cannot make directories through '..'", path)
    try:
        os.mkdir(name, mode, dir_fd=parent)
    except FileExistsError:
        pass
    # O_NOFOLLOW: whoever put a symlink where we wanted a directory gets ENOTDIR (CVE-2024-45310).
    child = os.open(name, O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    os.close(parent)
    return child


def parent_in_root(root_fd: int, path: str) -> tuple[int, str]:
    """Make the parent directories of `path` inside the root; the parent's fd and the last name."""
    head, _, name = path.rstrip("/").rpartition("/")
    if name in ("", ".", ".."):
        raise OSError(errno.EINVAL, "not the name of a file", path)
    return mkdir_all_in_root(root_fd, head), name


def create_file_in_root(root_fd: int, path: str, mode: int = 0o644) -> int:
    """Make an empty file (mount point of a file), parents included; an fd of it."""
    parent, name = parent_in_root(root_fd, path)
    try:
        return os.open(name, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=parent)
    finally:
        os.close(parent)
