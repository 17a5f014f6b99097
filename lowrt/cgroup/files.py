"""Files and folders of cgroupfs: read, write, remove; errors say which value went where, as runc's do.

cgroupfs answers a bad value at write(2), so one value is one write and nothing is buffered.
"""

import errno
import os
import time

from lowrt.errors import Fault, reason_of

ROOT = "/sys/fs/cgroup"


class CgroupError(Fault):
    """A cgroup cannot be made, set or read; `errno` is the kernel's reason, 0 when the reason is ours."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.errno = code


def write(directory: str, name: str, value: str) -> None:
    """Write one value; CgroupError carries errno."""
    path = f"{directory}/{name}"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CgroupError(f"open {path}: {reason_of(error)}", error.errno or 0) from error
    try:
        os.write(fd, value.encode())
    except OSError as error:
        message = f'failed to write "{value}": write {path}: {reason_of(error)}'
        raise CgroupError(message, error.errno or 0) from error
    finally:
        os.close(fd)


def read(directory: str, name: str) -> str:
    """The whole file; OSError if it cannot be read."""
    fd = os.open(f"{directory}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces = []
        while piece := os.read(fd, 65536):
            pieces.append(piece)
    finally:
        os.close(fd)
    return b"".join(pieces).decode()


def read_or(directory: str, name: str, default: str) -> str:
    """The whole file, or `default` where the kernel has no such file."""
    try:
        return read(directory, name)
    except FileNotFoundError:
        return default


def read_int(directory: str, name: str) -> int:
    """One number; "max" is 2^64-1, as runc counts it."""
    text = read(directory, name).strip()
    return (1 << 64) - 1 if text == "max" else max(int(text), 0)


def open_folder(directory: str) -> int:
    """An fd of the cgroup itself."""
    return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def enter(directory: str, pid: int) -> None:
    """Move a process into the cgroup."""
    for attempt in range(5):
        try:
            write(directory, "cgroup.procs", str(pid))
        except CgroupError as error:
            # EINVAL may mean that the task is still TASK_NEW: the kernel will have it in a moment.
            if error.errno != errno.EINVAL or attempt == 4:
                raise CgroupError(f"failed to write {pid}: {error}", error.errno) from error
            time.sleep(0.03)
        else:
            return


def pids(directory: str) -> list[int]:
    """Processes of this cgroup alone."""
    try:
        text = read(directory, "cgroup.procs")
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        # A threaded cgroup has no list of processes, only of threads.
        text = read(directory, "cgroup.threads")
    return [int(line) for line in text.split()]


def all_pids(directory: str) -> list[int]:
    """Processes of this cgroup and of those below it."""
    found = []
    for folder, _, _ in os.walk(directory):
        try:
            found += pids(folder)
        except OSError as error:
            # Somebody removed it while we walked.
            if error.errno not in (errno.ENOENT, errno.ENODEV):
                raise
    return found


def make(directory: str) -> None:
    """Make the folder and its parents; one that exists is fine."""
    try:
        os.mkdir(directory, 0o755)
    except FileExistsError:
        return
    except FileNotFoundError:
        os.makedirs(directory, 0o755, exist_ok=True)


def remove(directory: str) -> None:
    """Remove a cgroup with the cgroups below it; one that is gone is fine."""
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        return
    except OSError:
        pass  # full, busy, or a read-only mount that says so even of what is not there: look closer
    else:
        return
    try:
        below = [entry.path for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return
    for child in below:
        remove(child)
    _rmdir_patiently(directory)


def _rmdir_patiently(directory: str) -> None:
    """Wait about a second in all for processes that are already dying."""
    delay = 0.001
    while True:
        try:
            os.rmdir(directory)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or delay > 0.6:
                raise CgroupError(f"rmdir {directory}: {reason_of(error)}", error.errno or 0) from error
            time.sleep(delay)
            delay *= 2
        else:
            return
