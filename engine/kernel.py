"""The few kernel calls the engine makes itself: mount, umount, and opening a path inside a root (openat2(2))."""

import ctypes
import os
import struct
from collections.abc import Iterable

from proto.containerd.types import mount_pb2
from proto.errdefs import FailedPrecondition

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x1, 0x2, 0x4, 0x8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000
MNT_DETACH = 0x2
RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_IN_ROOT = 0x02, 0x04, 0x10
OVERLAYFS_MAGIC = 0x794C7630
_NR_OPENAT2 = 437

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.syscall.restype = ctypes.c_long


def _check(result: int, path: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)
    return result


def adjust_oom_score(value: int) -> None:
    """Make the kernel's out-of-memory killer think more or less of this process, -1000 to 1000; 0 changes nothing."""
    if not value:
        return
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(str(value))
    except OSError as error:
        raise FailedPrecondition(f"failed to adjust OOM score to {value}: {error.strerror}") from error


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    encoded = [os.fsencode(text) if text else None for text in (source, kind, data)]
    _check(_libc.mount(encoded[0], os.fsencode(target), encoded[1], flags, encoded[2]), target)


def umount(target: str, flags: int = MNT_DETACH) -> None:
    """umount2(2)."""
    _check(_libc.umount2(os.fsencode(target), flags), target)


_FLAG_WORDS = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC, "rbind": MS_BIND | MS_REC}
_FLAG_WORDS |= {"bind": MS_BIND, "rw": 0}


def mount_all(mounts: Iterable[mount_pb2.Mount], target: str) -> None:
    """Make the mounts that a snapshotter handed out."""
    for entry in mounts:
        flags, data = 0, []
        for option in entry.options:
            if option in _FLAG_WORDS:
                flags |= _FLAG_WORDS[option]
            else:
                data.append(option)
        mount(entry.source, target, "" if flags & MS_BIND else entry.type, flags, ",".join(data))
        if flags & MS_BIND and flags & MS_RDONLY:
            mount("", target, "", flags | MS_REMOUNT)


def filesystem(path: str) -> int:
    """The kind of file system that a path is on, statfs(2)'s f_type."""
    buffer = (ctypes.c_ulong * 32)()  # struct statfs begins with f_type
    _check(_libc.statfs(os.fsencode(path), buffer), path)
    return int(buffer[0])


def openat2(
    folder: int, path: str, flags: int, mode: int = 0, resolve: int = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
) -> int:
    """openat2(2): an fd of `path`, whose links and `..` cannot lead out of `folder`."""
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, mode, resolve)
    for _ in range(64):  # EAGAIN: the tree was renamed under us; the kernel asks to try again
        result = _libc.syscall(_NR_OPENAT2, folder, os.fsencode(path), how, ctypes.c_size_t(len(how)))
        if result >= 0:
            return int(result)
        if ctypes.get_errno() != 11:
            break
    return _check(-1, path)


def make_folder(root: int, path: str, mode: int = 0o755) -> int:
    """mkdir -p below a root, following links inside of it; an fd of the folder."""
    current = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root)
    done = ""
    for part in (part for part in path.split("/") if part not in ("", ".")):
        done = f"{done}/{part}"
        os.close(current)
        try:
            current = openat2(root, done, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            parent = openat2(root, os.path.dirname(done), os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.mkdir(part, mode, dir_fd=parent)
            finally:
                os.close(parent)
            current = openat2(root, done, os.O_RDONLY | os.O_DIRECTORY)
    return current
