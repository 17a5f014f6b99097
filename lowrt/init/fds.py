"""Which descriptors a container gets: 0 to 2 and those that were asked for. The rest is closed before execve(2).

A leaked directory fd of the host is a way out of the container (CVE-2024-21626), one of our own program a way to
overwrite it (CVE-2019-5736).
"""

import os

from lowrt.errors import Fault
from lowrt.linux import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    Json = dict[str, Any]


def check_preserved(count: int, inherited: "Collection[int]", *, listening: int | None = None) -> int:
    """How many descriptors from 3 on are the container's: systemd's listeners, and `count` more that we were given.

    Being open is not enough: our own log may have the number of one that is missing.
    """
    listening = listeners() if listening is None else listening
    first = 3 + listening
    for fd in range(first, first + count):
        if fd not in inherited:
            raise Fault(f"unable to stat preserved-fd {fd - first} (of {count}): no such file or directory")
    return listening + count


def listeners() -> int:
    """How many sockets systemd handed to us, sd_listen_fds(3)."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return 0
    count = os.environ.get("LISTEN_FDS", "0")
    return int(count) if count.isdigit() else 0


def announce_listeners(process: "Json") -> None:
    """Tell the container's first process of them; in there it is number 1."""
    count = listeners()
    if count:
        process["env"] = [*(process.get("env") or ()), f"LISTEN_FDS={count}", "LISTEN_PID=1"]


def seal(preserved: int, ours: int) -> list[int]:
    """Mark all but the container's descriptors close-on-exec; the open ones that our child is to let go of."""
    # The listing has an entry for the fd it was made through, which is closed again by now.
    listed = [int(name) for name in os.listdir("/proc/self/fd")]
    foreign = [fd for fd in listed if fd >= 3 + preserved and fd != ours and _is_open(fd)]
    process.close_range(3 + preserved, flags=process.CLOEXEC)
    for fd in range(3, 3 + preserved):
        os.set_inheritable(fd, True)
    return foreign


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
