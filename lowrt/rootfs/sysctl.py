"""Set sysctls through a procfs that is known to be the kernel's own, never through a path of the image's.

A container whose /proc is a fake could have the write land in a file of its choice (CVE-2019-16884, CVE-2025-52881).
"""

import os

from lowrt.errors import Fault, reason_of
from lowrt.linux.mount import PROC_SUPER_MAGIC, filesystem_type
from lowrt.linux.openat2 import RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV, openat2
from lowrt.spec.validate_linux import sysctl_path

_STRICT = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV
_PROC_ROOT_INODE = 1


def open_proc(path: str = "/proc") -> int:
    """An fd of a procfs's root, verified."""
    fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    if filesystem_type(fd) != PROC_SUPER_MAGIC or os.fstat(fd).st_ino != _PROC_ROOT_INODE:
        os.close(fd)
        raise Fault(f"{path} is not a procfs")
    return fd


def write_sysctls(proc_fds: list[int], values: dict[str, str]) -> None:
    """Write each value through the first procfs that takes it: inside a container the host's is read-only."""
    for key, value in values.items():
        error = None
        for proc_fd in proc_fds:
            error = _write(proc_fd, f"sys/{sysctl_path(key)}", value)
            if error is None:
                break
        if error is not None:
            raise Fault(
                f"open sysctl {key} file: {reason_of(error)}" if error.filename else _refused(key, value, error)
            )


def _write(proc_fd: int, path: str, value: str) -> OSError | None:
    try:
        fd = openat2(proc_fd, path, os.O_WRONLY, resolve=_STRICT)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    except OSError as error:
        return error
    return None


def _refused(key: str, value: str, error: OSError) -> str:
    return f'failed to write sysctl {key} = "{value}": {reason_of(error)}'
