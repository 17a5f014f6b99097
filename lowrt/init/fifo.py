"""The rendezvous of `create` and `start`: init opens exec.fifo for writing and so waits until somebody reads.

The fifo's presence is what tells "created" from "running".
"""

import os
import select

from lowrt.errors import Fault


def make(path: str) -> int:
    """Create the fifo; an O_PATH fd, by which init can open it from wherever its root is by then."""
    os.mkfifo(path)
    # init opens it as the container's user; the directory keeps everybody else away.
    os.chmod(path, 0o622)  # noqa: S103
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def wait(path_fd: int, proc_fd: int) -> None:
    """Init's side: block until `start` reads, and tell it that execve is next."""
    # An O_PATH fd is opened again through procfs: the host's, which we brought along, not what the image calls /proc.
    fd = os.open(f"self/fd/{path_fd}", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc_fd)
    os.write(fd, b"0")
    os.close(fd)


def release(path: str, pidfd: int) -> None:
    """`start`'s side: let init go on, and remove the fifo."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Fault("cannot start an already running container") from None
    try:
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        poller.register(pidfd, select.POLLIN)
        poller.poll()
        if not os.read(fd, 1):
            raise Fault("cannot start a container that has stopped")
        os.unlink(path)
    finally:
        os.close(fd)
