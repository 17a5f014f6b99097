"""mount(2) and the fd-based mount calls that replace it; kernel names, no policy.

The fd-based ones (open_tree, move_mount, fsopen, mount_setattr) name their targets by fd alone, so that no path can be
exchanged between looking and mounting.
"""

import errno
import os

from lowrt.linux import ffi as ctypes
from lowrt.linux.libc import check, libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctypes import _NamedFuncPointer

# <sys/mount.h>
MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_SYNCHRONOUS = 16
MS_REMOUNT = 32
MS_MANDLOCK = 64
MS_DIRSYNC = 128
MS_NOSYMFOLLOW = 256
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_SILENT = 32768
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_I_VERSION = 1 << 23
MS_STRICTATIME = 1 << 24
MS_LAZYTIME = 1 << 25
MNT_DETACH = 2

# <linux/mount.h>
OPEN_TREE_CLONE = 1
MOVE_MOUNT_F_EMPTY_PATH = 0x04
MOVE_MOUNT_T_SYMLINKS = 0x10
MOVE_MOUNT_T_EMPTY_PATH = 0x40
FSCONFIG_SET_FLAG = 0
FSCONFIG_SET_STRING = 1
FSCONFIG_CMD_CREATE = 6
MOUNT_ATTR_RDONLY = 0x01
MOUNT_ATTR_NOSUID = 0x02
MOUNT_ATTR_NODEV = 0x04
MOUNT_ATTR_NOEXEC = 0x08
MOUNT_ATTR__ATIME = 0x70
MOUNT_ATTR_RELATIME = 0x00
MOUNT_ATTR_NOATIME = 0x10
MOUNT_ATTR_STRICTATIME = 0x20
MOUNT_ATTR_NODIRATIME = 0x80
MOUNT_ATTR_IDMAP = 0x00100000
MOUNT_ATTR_NOSYMFOLLOW = 0x00200000

# <fcntl.h>
AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000

# <linux/magic.h>
PROC_SUPER_MAGIC = 0x9FA0
SYSFS_MAGIC = 0x62656572
TMPFS_MAGIC = 0x01021994
CGROUP_SUPER_MAGIC = 0x27E0EB
CGROUP2_SUPER_MAGIC = 0x63677270

# The numbers of calls younger than Linux 5.1 are the same everywhere.
_SYS_OPEN_TREE, _SYS_MOVE_MOUNT, _SYS_FSOPEN, _SYS_FSCONFIG, _SYS_FSMOUNT, _SYS_MOUNT_SETATTR = (
    428,
    429,
    430,
    431,
    432,
    442,
)
_SYS_PIVOT_ROOT = {"x86_64": 155, "i386": 217, "i686": 217, "s390x": 217, "ppc64le": 203, "armv7l": 218}

FSMOUNT_CLOEXEC = 1
FSOPEN_CLOEXEC = 1


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


class _Statfs(ctypes.Structure):
    _fields_ = (
        ("f_type", ctypes.c_long),
        ("f_bsize", ctypes.c_long),
        ("f_blocks", ctypes.c_uint64),
        ("f_bfree", ctypes.c_uint64),
        ("f_bavail", ctypes.c_uint64),
        ("f_files", ctypes.c_uint64),
        ("f_ffree", ctypes.c_uint64),
        ("f_fsid", ctypes.c_int * 2),
        ("f_namelen", ctypes.c_long),
        ("f_frsize", ctypes.c_long),
        ("f_flags", ctypes.c_long),
        ("f_spare", ctypes.c_long * 8),
    )


_int, _uint, _long, _str = ctypes.c_int, ctypes.c_uint, ctypes.c_long, ctypes.c_char_p

_mount = libc["mount"]
_mount.argtypes = (_str, _str, _str, ctypes.c_ulong, _str)
_umount2 = libc["umount2"]
_umount2.argtypes = (_str, _int)
_fstatfs = libc["fstatfs"]
_fstatfs.argtypes = (_int, ctypes.POINTER(_Statfs))


def _raw(*argtypes: type) -> "_NamedFuncPointer":
    function = libc["syscall"]  # a new function object each time, so each call has types of its own
    function.restype = _long
    function.argtypes = (_long, *argtypes)
    return function


_pivot_root = _raw(_str, _str)
_open_tree = _raw(_int, _str, _uint)
_move_mount = _raw(_int, _str, _int, _str, _uint)
_fsopen = _raw(_str, _uint)
_fsconfig = _raw(_int, _uint, _str, _str, _int)
_fsmount = _raw(_int, _uint, _uint)
_mount_setattr = _raw(_int, _str, _uint, ctypes.POINTER(_MountAttr), ctypes.c_size_t)


def mount(source: str, target: str, fstype: str, flags: int, data: str = "") -> None:
    """mount(2)."""
    result = _mount(os.fsencode(source), os.fsencode(target), fstype.encode(), flags, os.fsencode(data) or None)
    check(result, "mount", target)


def umount2(target: str, flags: int = 0) -> None:
    """umount2(2)."""
    check(_umount2(os.fsencode(target), flags), "umount2", target)


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2)."""
    number = _SYS_PIVOT_ROOT.get(os.uname().machine, 41)
    check(_pivot_root(number, os.fsencode(new_root), os.fsencode(put_old)), "pivot_root", new_root)


def open_tree(dir_fd: int, path: str, flags: int) -> int:
    """open_tree(2), close-on-exec; an empty path means `dir_fd` itself."""
    flags |= os.O_CLOEXEC | (0 if path else AT_EMPTY_PATH)
    return check(_open_tree(_SYS_OPEN_TREE, dir_fd, os.fsencode(path), flags), "open_tree", path)


def move_mount(mount_fd: int, target_fd: int) -> None:
    """move_mount(2) from one fd onto another; a folder and a file do not fit: ENOTDIR, as with mount(2)."""
    flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH
    try:
        check(_move_mount(_SYS_MOVE_MOUNT, mount_fd, b"", target_fd, b"", flags), "move_mount")
    except OSError as error:
        if error.errno == errno.EINVAL and _is_folder(mount_fd) != _is_folder(target_fd):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), error.filename) from error
        raise


def _is_folder(fd: int) -> bool:
    return os.fstat(fd).st_mode & 0o170000 == 0o040000


def fsopen(fstype: str) -> int:
    """fsopen(2)."""
    return check(_fsopen(_SYS_FSOPEN, fstype.encode(), FSOPEN_CLOEXEC), "fsopen", fstype)


def fsconfig_set(fs_fd: int, key: str, value: str | None) -> None:
    """fsconfig(2): one option, a bare flag when it has no value."""
    command = FSCONFIG_SET_FLAG if value is None else FSCONFIG_SET_STRING
    result = _fsconfig(_SYS_FSCONFIG, fs_fd, command, key.encode(), None if value is None else os.fsencode(value), 0)
    check(result, "fsconfig", key)


def fsconfig_create(fs_fd: int) -> None:
    """fsconfig(2) FSCONFIG_CMD_CREATE."""
    check(_fsconfig(_SYS_FSCONFIG, fs_fd, FSCONFIG_CMD_CREATE, None, None, 0), "fsconfig")


def fsmount(fs_fd: int, attributes: int) -> int:
    """fsmount(2): a detached mount."""
    return check(_fsmount(_SYS_FSMOUNT, fs_fd, FSMOUNT_CLOEXEC, attributes), "fsmount")


def mount_setattr(
    mount_fd: int,
    attr_set: int,
    attr_clr: int = 0,
    *,
    propagation: int = 0,
    recursive: bool = False,
    userns_fd: int = 0,
) -> None:
    """mount_setattr(2) on an fd."""
    attributes = _MountAttr(attr_set, attr_clr, propagation, userns_fd)
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    result = _mount_setattr(_SYS_MOUNT_SETATTR, mount_fd, b"", flags, attributes, ctypes.sizeof(attributes))
    check(result, "mount_setattr")


def filesystem_type(fd: int) -> int:
    """fstatfs(2): f_type, one of the *_MAGIC numbers."""
    buffer = _Statfs()
    check(_fstatfs(fd, buffer), "fstatfs")
    return int(buffer.f_type) & 0xFFFFFFFF


def mount_flags(fd: int) -> int:
    """fstatfs(2): f_flags, the ST_* bits of the mount that `fd` is on."""
    buffer = _Statfs()
    check(_fstatfs(fd, buffer), "fstatfs")
    return int(buffer.f_flags)
