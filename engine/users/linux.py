"""The kernel calls of mapped mounts (Linux 5.12), and of a thread that acts as another user and stays mighty."""

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator

_NR_OPEN_TREE, _NR_MOVE_MOUNT, _NR_MOUNT_SETATTR = 428, 429, 442
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_OPEN_TREE_CLONE = 0x1
_MOVE_MOUNT_F_EMPTY_PATH, _MOVE_MOUNT_T_SYMLINKS = 0x4, 0x10  # the latter for targets in /proc/self/fd
ATTR_RDONLY, ATTR_IDMAP = 0x1, 0x00100000
_CLONE_FS = 0x200
_CAPABILITY_VERSION = 0x20080522  # linux/capability.h: two words of each set

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.setfsuid.argtypes = _libc.setfsgid.argtypes = [ctypes.c_uint]


def clone_tree(path: str, *, recursive: bool) -> int:
    """open_tree(2): an fd of a mount of its own that shows what is at a path."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | (_AT_RECURSIVE if recursive else 0)
    return _check(_libc.syscall(_NR_OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags), "open_tree", path)


def set_attributes(tree: int, attributes: int, userns: int = 0) -> None:
    """mount_setattr(2) of the mount behind an fd."""
    request = struct.pack("QQQQ", attributes, 0, 0, userns)
    size = ctypes.c_size_t(len(request))
    _check(_libc.syscall(_NR_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, request, size), "mount_setattr", "")


def attach(tree: int, target: str) -> None:
    """move_mount(2): the mount behind an fd appears at a path."""
    flags = _MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_SYMLINKS
    _check(_libc.syscall(_NR_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), flags), "move_mount", target)


def own_working_folder(fd: int) -> None:
    """Have the calling thread be in a folder; the other threads stay where they are, now and later."""
    _check(_libc.unshare(_CLONE_FS), "unshare", "")
    os.fchdir(fd)


@contextlib.contextmanager
def acting_as(uid: int, gid: int) -> Iterator[None]:
    """The calling thread makes files as this user, for the length of a block, with all its capabilities."""
    capabilities = _capabilities()
    uid_before, gid_before = _libc.setfsuid(uid), _libc.setfsgid(gid)
    try:
        _set_capabilities(capabilities)  # setfsuid(2) took those that are about files out of the effective set
        yield
    finally:
        _libc.setfsgid(gid_before)
        _libc.setfsuid(uid_before)
        _set_capabilities(capabilities)


def _capabilities() -> bytes:
    data = ctypes.create_string_buffer(24)
    _check(_libc.capget(struct.pack("Ii", _CAPABILITY_VERSION, 0), data), "capget", "")
    return data.raw


def _set_capabilities(data: bytes) -> None:
    _check(_libc.capset(struct.pack("Ii", _CAPABILITY_VERSION, 0), data), "capset", "")


def _check(result: int, call: str, path: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}", path)
    return int(result)
