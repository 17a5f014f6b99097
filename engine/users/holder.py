"""A program of its own: for whoever asks, a child that makes a user namespace and a network namespace that belongs to
it, and keeps both for as long as it is wanted.

unshare(2) of a user namespace is refused to a process with threads, and the engine has some; a small process forks
faster than the engine would, too. On its control socket, whose fd is its argument, comes a packet for each child:

    a socket       the child says its pid there when it is ready, and ends when the other end is closed
    a namespace    perhaps: a user namespace to enter, instead of a new one

The asker writes the maps and opens /proc/<pid>/ns/…. The program ends with its control socket, each child with its own.
"""

import ctypes
import os
import signal
import socket
import sys

_NEWUSER, _NEWNET = 0x10000000, 0x40000000


def main(control_fd: int) -> None:
    """Fork a child for each packet."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's: the engine ends, and with it the control socket
    libc = ctypes.CDLL(None, use_errno=True)
    control = socket.socket(fileno=control_fd)
    while True:
        packet, fds, _, _ = socket.recv_fds(control, 1, 2)
        if not packet:
            return
        if os.fork() == 0:
            control.close()
            _hold(libc, *fds)
        for fd in fds:
            os.close(fd)


def _hold(libc: ctypes.CDLL, answer: int, join: int = -1) -> None:
    """In a child."""
    try:
        asker = socket.socket(fileno=answer)
        entered = libc.setns(join, _NEWUSER) if join >= 0 else 0
        failed = entered or libc.unshare(_NEWNET if join >= 0 else _NEWUSER | _NEWNET)
        asker.send(b"error %d" % ctypes.get_errno() if failed else b"%d" % os.getpid())
        asker.recv(1)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
