"""Entering and leaving namespaces: unshare(2), setns(2), and a fork straight into new ones.

setns(CLONE_NEWNS) and unshare(CLONE_NEWUSER) need a single-threaded process; lowrt is one, and stays one.
"""

import os

from lowrt.linux import constants as c
from lowrt.linux import ffi as ctypes
from lowrt.linux.libc import check, libc, libc_locked

# The specification's name of a namespace: its flag, and its file under /proc/<pid>/ns.
FLAGS = {
    "user": c.CLONE_NEWUSER,
    "ipc": c.CLONE_NEWIPC,
    "uts": c.CLONE_NEWUTS,
    "network": c.CLONE_NEWNET,
    "pid": c.CLONE_NEWPID,
    "mount": c.CLONE_NEWNS,
    "cgroup": c.CLONE_NEWCGROUP,
    "time": c.CLONE_NEWTIME,
}
FILES = {
    "user": "user",
    "ipc": "ipc",
    "uts": "uts",
    "network": "net",
    "pid": "pid",
    "mount": "mnt",
    "cgroup": "cgroup",
    "time": "time",
}


class CloneArguments(ctypes.Structure):
    """struct clone_args of clone3(2)."""

    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            "flags",
            "pidfd",
            "child_tid",
            "parent_tid",
            "exit_signal",
            "stack",
            "stack_size",
            "tls",
            "set_tid",
            "set_tid_size",
            "cgroup",
        )
    )


def unshare(flags: int) -> None:
    """unshare(2)."""
    check(libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd: int, flag: int) -> None:
    """setns(2)."""
    check(libc.setns(fd, ctypes.c_int(flag)), "setns")


def fork_into(flags: int, cgroup_fd: int = -1) -> tuple[int, int]:
    """Fork with clone(2) flags, into a v2 cgroup if one is given: (pid, pidfd) in the parent, (0, -1) in the child.

    os.fork() takes no flags, and an unshare() before it would change this process too. The interpreter is told of the
    fork in the same words that os.fork() uses, and its lock is held across the call. With CLONE_PARENT the kernel gives
    the child to our own parent, and its exit signal is ours.
    """
    pidfd = ctypes.c_int(-1)
    flags |= c.CLONE_PIDFD
    exit_signal = 0 if flags & c.CLONE_PARENT else c.SIGCHLD
    ctypes.pythonapi.PyOS_BeforeFork()
    if cgroup_fd < 0:
        number, flags = ctypes.c_long(c.NR_CLONE), flags | exit_signal
        pid = libc_locked.syscall(number, ctypes.c_ulong(flags), None, ctypes.byref(pidfd), None, None)
    else:
        arguments = CloneArguments(flags | c.CLONE_INTO_CGROUP, ctypes.addressof(pidfd))
        arguments.exit_signal, arguments.cgroup = exit_signal, cgroup_fd
        size = ctypes.c_size_t(ctypes.sizeof(arguments))
        pid = libc_locked.syscall(ctypes.c_long(c.NR_CLONE3), ctypes.byref(arguments), size)
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0, -1
    code = ctypes.get_errno()
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(code, f"clone: {os.strerror(code)}")
    return int(pid), pidfd.value
