"""The container's terminal: a pty of the container's own devpts, its master sent to whoever asked for it.

It is made after the root has been changed, so that it belongs to the container. Nothing is looked up by path that could
have been exchanged (CVE-2025-52565): the other end comes from the master, and /dev/console is mounted by fd.
"""

import os
import stat

from lowrt.errors import Fault
from lowrt.init.sync import send_fd
from lowrt.linux import mount, tty
from lowrt.rootfs.devices import bind_console

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

_PTMX = os.makedev(5, 2)
_DEVPTS_SUPER_MAGIC = 0x1CD1


def attach(socket_fd: int, size: "Json | None", *, as_console: bool) -> None:
    """Make stdio the terminal, and it the session's; send the master; `as_console` also puts it on /dev/console."""
    master = _open_ptmx()
    tty.unlock(master)
    peer = tty.open_peer(master)
    if size and size.get("height") and size.get("width"):
        tty.set_size(master, int(size["height"]), int(size["width"]))
    if as_console:
        _mount_console(peer)
    send_fd(socket_fd, master, "/dev/ptmx")
    os.close(socket_fd)
    os.close(master)
    for fd in (0, 1, 2):
        os.dup2(peer, fd)
    os.close(peer)
    tty.set_controlling(0)


def _open_ptmx() -> int:
    fd = os.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC)
    status = os.fstat(fd)
    genuine = stat.S_ISCHR(status.st_mode) and status.st_rdev == _PTMX
    if not genuine or mount.filesystem_type(fd) != _DEVPTS_SUPER_MAGIC:
        os.close(fd)
        raise Fault("/dev/pts/ptmx is not a multiplexer of a devpts file system")
    return fd


def _mount_console(peer: int) -> None:
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        bind_console(root, peer)
    finally:
        os.close(root)
