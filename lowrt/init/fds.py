"""Which descriptors a container gets: 0 to 2 and those that were asked for. The rest is closed before execve(2).

A leaked directory fd of the host is a way out of the container (CVE-2024-21626), one of our own program a way to
overwrite it (CVE-2019-5736).
"""

import os
import stat

from lowrt.errors import Fault, reason_of
from lowrt.linux import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_NULL = os.makedev(1, 3)


def check_preserved(count: int, listening: int) -> int:
    """How many descriptors from 3 on are the container's: systemd's listeners, and `count` more that must be open."""
    first = 3 + listening
    for fd in range(first, first + count):
        try:
            os.fstat(fd)
        except OSError as error:
            words = f"unable to stat preserved-fd {fd - first} (of {count}): {reason_of(error)}"
            raise Fault(words) from error
    return listening + count


def listeners() -> int:
    """How many sockets systemd handed to us, sd_listen_fds(3)."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return 0
    count = os.environ.get("LISTEN_FDS", "0")
    return int(count) if count.isdigit() else 0


def seal(preserved: int) -> None:
    """Mark all but the container's descriptors close-on-exec, and make the container's inheritable."""
    process.close_range(3 + preserved, flags=process.CLOEXEC)
    for fd in range(3, 3 + preserved):
        os.set_inheritable(fd, True)


def keep_only(preserved: int, ours: "Iterable[int]") -> None:
    """Close at once what else we were forked with: a created container must not hold the pipes of a warm parent."""
    process.close_all_but(sorted(fd for fd in ours if fd >= 3 + preserved), 3 + preserved)


def reopen_null() -> None:
    """Where stdio is the host's /dev/null, take the container's: the host's inode is not for its chmod."""
    replacement = -1
    for fd in (0, 1, 2):
        try:
            if os.fstat(fd).st_rdev != _NULL:
                continue
        except OSError:  # closed
            continue
        if replacement < 0:
            replacement = _open_null()
        os.dup2(replacement, fd)
    if replacement > 2:
        os.close(replacement)


def _open_null() -> int:
    fd = os.open("/dev/null", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    status = os.fstat(fd)
    # CVE-2025-31133: the image may have put something else there.
    if not stat.S_ISCHR(status.st_mode) or status.st_rdev != _NULL:
        os.close(fd)
        raise Fault("the container's /dev/null is not the null device")
    return fd
