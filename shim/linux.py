"""The kernel calls that Python's os module lacks: thin wrappers with the kernel's names, no policy."""

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)

# sys/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_SET_MM = 35
PR_SET_MM_ARG_END = 9
PR_SET_CHILD_SUBREAPER = 36
PR_SCHED_CORE = 62
PR_SCHED_CORE_CREATE = 1
_PIDTYPE_PGID = 2

# sys/mount.h
MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_SYNCHRONOUS = 16
MS_REMOUNT = 32
MS_MANDLOCK = 64
MS_DIRSYNC = 128
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_REC = 16384
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_STRICTATIME = 1 << 24
MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

# linux/mount.h, asm/unistd.h (the numbers are the same on every architecture since 5.2)
SYS_OPEN_TREE = 428
SYS_MOVE_MOUNT = 429
SYS_FSOPEN = 430
SYS_FSCONFIG = 431
SYS_FSMOUNT = 432
SYS_OPENAT2 = 437
SYS_MOUNT_SETATTR = 442
OPEN_TREE_CLONE = 1
MOVE_MOUNT_F_EMPTY_PATH = 4
FSCONFIG_SET_FLAG = 0
FSCONFIG_SET_STRING = 1
FSCONFIG_CMD_CREATE = 6
FSMOUNT_CLOEXEC = 1
MOUNT_ATTR_RDONLY = 1
MOUNT_ATTR_IDMAP = 0x00100000
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
AT_FDCWD = -100
RESOLVE_IN_ROOT = 0x10

# sys/inotify.h
IN_MODIFY = 0x2
IN_NONBLOCK = os.O_NONBLOCK
IN_CLOEXEC = os.O_CLOEXEC

# linux/sched.h
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)
_libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
_libc.unshare.argtypes = (ctypes.c_int,)
_libc.setns.argtypes = (ctypes.c_int, ctypes.c_int)
_libc.syscall.restype = ctypes.c_long


def check(result: int, call: str, path: str | None = None) -> int:
    """The result of a call, or OSError with the kernel's reason."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}", path)
    return result


def prctl(option: int, argument: int) -> None:
    """prctl(2) with one number."""
    check(_libc.prctl(option, argument, 0, 0, 0), "prctl")


def sched_core_create() -> None:
    """A core scheduling cookie of our own for the process group: prctl(PR_SCHED_CORE)."""
    check(_libc.prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, _PIDTYPE_PGID, 0), "prctl")


def set_process_name(name: str) -> None:
    """The name that ps and /proc/PID/comm show, cut at 15 bytes."""
    buffer = ctypes.create_string_buffer(name.encode()[:15])
    check(_libc.prctl(PR_SET_NAME, ctypes.addressof(buffer), 0, 0, 0), "prctl")


def set_command_line(words: list[str]) -> None:
    """What ps shows, written over the arguments the kernel gave us, as far as their room goes."""
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    first, last = int(fields[45]), int(fields[46])  # arg_start and arg_end of proc_pid_stat(5)
    room = last - first - 1
    if room > 0:
        text = b"\0".join(os.fsencode(word) for word in words)[:room]
        ctypes.memmove(first, text.ljust(room + 1, b"\0"), room + 1)
        # Without the right (CAP_SYS_RESOURCE) the padding stays, which only looks odd.
        _libc.prctl(PR_SET_MM, PR_SET_MM_ARG_END, first + len(text) + 1, 0, 0)


def mount(source: str, target: str, fstype: str, flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    check(
        _libc.mount(os.fsencode(source), os.fsencode(target), os.fsencode(fstype), flags, os.fsencode(data) or None),
        "mount",
        target,
    )


def umount2(target: str, flags: int = 0) -> None:
    """umount2(2)."""
    check(_libc.umount2(os.fsencode(target), flags), "umount2", target)


def open_tree(path: str, flags: int) -> int:
    """open_tree(2) from the current folder; close-on-exec."""
    number = ctypes.c_long(SYS_OPEN_TREE)
    return check(
        _libc.syscall(number, AT_FDCWD, os.fsencode(path), ctypes.c_uint(flags | os.O_CLOEXEC)), "open_tree", path
    )


def mount_setattr(fd: int, attributes: int, userns_fd: int = 0, flags: int = AT_EMPTY_PATH) -> None:
    """mount_setattr(2) on a mount's fd: attributes to set."""
    attr = _MountAttr(attributes, 0, 0, userns_fd)
    number = ctypes.c_long(SYS_MOUNT_SETATTR)
    size = ctypes.c_size_t(ctypes.sizeof(attr))
    check(_libc.syscall(number, fd, b"", ctypes.c_uint(flags), ctypes.byref(attr), size), "mount_setattr")


def move_mount(fd: int, target: str) -> None:
    """move_mount(2): attach a detached mount."""
    number = ctypes.c_long(SYS_MOVE_MOUNT)
    flags = ctypes.c_uint(MOVE_MOUNT_F_EMPTY_PATH)
    check(_libc.syscall(number, fd, b"", AT_FDCWD, os.fsencode(target), flags), "move_mount", target)


def fsopen(fstype: str) -> int:
    """fsopen(2): the configuration of a file system to be; close-on-exec."""
    return check(_libc.syscall(ctypes.c_long(SYS_FSOPEN), fstype.encode(), ctypes.c_uint(1)), "fsopen", fstype)


def fsconfig(fd: int, command: int, key: str | None = None, value: str | None = None) -> None:
    """fsconfig(2): one parameter, or the order to create."""
    encoded = None if value is None else os.fsencode(value)
    name = None if key is None else key.encode()
    number = ctypes.c_long(SYS_FSCONFIG)
    check(_libc.syscall(number, fd, ctypes.c_uint(command), name, encoded, 0), "fsconfig", key)


def fsmount(fd: int, attributes: int) -> int:
    """fsmount(2): the configured file system as a detached mount; close-on-exec."""
    number = ctypes.c_long(SYS_FSMOUNT)
    return check(_libc.syscall(number, fd, ctypes.c_uint(FSMOUNT_CLOEXEC), ctypes.c_uint(attributes)), "fsmount")


def openat2(dirfd: int, path: str, flags: int, resolve: int, mode: int = 0) -> int:
    """openat2(2); close-on-exec."""
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    size = ctypes.c_size_t(ctypes.sizeof(how))
    number = ctypes.c_long(SYS_OPENAT2)
    return check(_libc.syscall(number, dirfd, os.fsencode(path), ctypes.byref(how), size), "openat2", path)


def unshare(flags: int) -> None:
    """unshare(2)."""
    check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """setns(2)."""
    check(_libc.setns(fd, kind), "setns")


def inotify_init() -> int:
    """inotify_init1(2): non-blocking, close-on-exec."""
    return check(_libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC), "inotify_init1")


def inotify_add_watch(fd: int, path: str, mask: int) -> int:
    """inotify_add_watch(2)."""
    return check(_libc.inotify_add_watch(fd, os.fsencode(path), mask), "inotify_add_watch", path)


def close_range(first: int) -> None:
    """Close every fd from `first` on: close_range(2), by os.closerange where libc lacks it."""
    call = getattr(_libc, "close_range", None)
    if call is None or call(ctypes.c_uint(first), ctypes.c_uint(0xFFFFFFFF), 0) < 0:
        os.closerange(first, os.sysconf("SC_OPEN_MAX"))
