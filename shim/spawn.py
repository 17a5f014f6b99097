"""Starting other programs, without asyncio: posix_spawn(3), and where the OCI runtime of a name is found."""

import fcntl
import os
import signal
import sys
from collections.abc import Sequence

DEFAULT_RUNTIME = "lowrt"


def spawn(argv: Sequence[str], streams: Sequence[int], environment: dict[str, str]) -> int:
    """A child with `streams` as its fds 0, 1, 2, … and nothing else of ours; raises OSError when it cannot be started.

    No Python runs in the child, and signals that we ignore are its defaults again.
    """
    # An fd that is itself below the last target would be overwritten before its turn.
    safe = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, max(len(streams), 3)) for fd in streams]
    try:
        actions = [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(safe)]
        return os.posix_spawnp(
            argv[0], list(argv), environment, file_actions=actions, setsigdef=[signal.SIGPIPE], setsigmask=[]
        )
    finally:
        for fd in safe:
            os.close(fd)


def find_runtime(name: str) -> str:
    """The program of a runtime's name: ours is in this checkout, in PATH, or beside the interpreter."""
    if name and name != DEFAULT_RUNTIME:
        return name
    checkout = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folders = [os.path.join(checkout, "deploy", "bin"), *os.get_exec_path(), os.path.dirname(sys.executable)]
    candidates = (os.path.join(folder, DEFAULT_RUNTIME) for folder in folders)
    return next((path for path in candidates if os.access(path, os.X_OK)), DEFAULT_RUNTIME)
