"""A program of its own: makes a user namespace and a network namespace that belongs to it, and keeps both while its
stdin is open.

    holder.py [PATH]     PATH: a user namespace to enter, instead of a new one

unshare(2) of a user namespace is refused to a process with threads, and the engine has some. It says "1" when it is
there; whoever started it writes the maps, opens /proc/<pid>/ns/… and closes its stdin.
"""

import ctypes
import os
import sys

_NEWUSER, _NEWNET = 0x10000000, 0x40000000


def main(argv: list[str]) -> int:
    """Make them, say so, wait."""
    libc = ctypes.CDLL(None, use_errno=True)
    wanted = _NEWUSER | _NEWNET
    if argv:
        fd = os.open(argv[0], os.O_RDONLY | os.O_CLOEXEC)
        if libc.setns(fd, _NEWUSER) != 0:
            return ctypes.get_errno()
        wanted = _NEWNET
    if libc.unshare(wanted) != 0:
        return ctypes.get_errno()
    os.write(1, b"1")
    os.read(0, 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
