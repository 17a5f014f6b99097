"""Network namespaces that outlive the engine: made by one thread for a moment, kept by a bind mount on a file.

    <exec-root>/netns/<container id>      nsfs, found again after a restart; its unmounting lets the kernel take it down

Python 3.11 has no os.unshare and os.setns: ctypes. unshare(2) moves the calling thread alone, so this must run in a
thread that nobody else uses; it is back in its own namespace before the function returns.
"""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator

from engine import kernel

CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8914, 0x1, 0x40
_NSFS_MAGIC = 0x6E736673

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """unshare(2)."""
    _check(_libc.unshare(flags))


def setns(fd: int, kind: int) -> None:
    """setns(2)."""
    _check(_libc.setns(fd, kind))


@contextlib.contextmanager
def entered(path: str) -> Iterator[int]:
    """Be in a namespace for the length of a block; gives its fd."""
    with _home(), _opened(path) as fd:
        setns(fd, CLONE_NEWNET)
        yield fd


@contextlib.contextmanager
def created(path: str, born_in: str = "") -> Iterator[int]:
    """Make a namespace, keep it under a path, be in it for the length of a block; a block that fails takes it along.

    `born_in`: one that was just made, by a process in the user namespace that it has to belong to.
    """
    with _home():
        if born_in:
            with _opened(born_in) as fd:
                setns(fd, CLONE_NEWNET)
        else:
            unshare(CLONE_NEWNET)
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
        try:
            kernel.mount("/proc/thread-self/ns/net", path, "", kernel.MS_BIND)
            _loopback_up()
            _no_ipv6()
            with _opened(path) as fd:
                yield fd
        except BaseException:
            remove(path)
            raise


def remove(path: str) -> None:
    """Let go of a namespace; what was gone already is no error."""
    with contextlib.suppress(OSError):
        kernel.umount(path, kernel.MNT_DETACH)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def exists(path: str) -> bool:
    """Whether a namespace is kept there: a file that is only a file is what a crash or a reboot left."""
    buffer = (ctypes.c_ulong * 32)()  # struct statfs begins with f_type
    return _libc.statfs(os.fsencode(path), buffer) == 0 and buffer[0] == _NSFS_MAGIC


@contextlib.contextmanager
def _home() -> Iterator[None]:
    with _opened("/proc/thread-self/ns/net") as home:
        try:
            yield
        finally:
            setns(home, CLONE_NEWNET)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP | _IFF_RUNNING))


def _no_ipv6() -> None:
    """Interfaces still to come get no IPv6, which nobody asked for (CVE-2024-32473); lo keeps ::1."""
    for name, value in (("disable_ipv6", "1"), ("accept_ra", "0")):  # and believe no router but ours: CVE-2020-13401
        with contextlib.suppress(FileNotFoundError), open(f"/proc/sys/net/ipv6/conf/default/{name}", "w") as file:
            file.write(value)  # /proc/sys/net is that of the thread's namespace


def _check(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
