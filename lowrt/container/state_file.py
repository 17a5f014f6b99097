"""state.json: what lowrt must remember of a container between two runs of itself. Ours alone; others ask `lowrt state`.

{
  "version": 1,
  "id", "bundle", "rootfs": what `create` was told
  "created": RFC 3339 with nanoseconds · "owner": uid of the creator
  "annotations": {…}
  "hooks": those of start and delete, which so need not read the whole configuration
  "init": {"pid", "start_time"}: pid 0 until it is forked; both together name one process for ever
  "cgroup": what the cgroup driver gave and gets back
  "mounts_before": only without a mount namespace: how many mounts lay on the root before
}

Written to a temporary name and renamed. Not synced: it lies on a tmpfs, and what it tells of ends with the power.
"""

import fcntl
import os

from lowrt.errors import Fault, container_exists, container_not_found
from lowrt.jsontext import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.paths import StateDir

    Json = dict[str, Any]

VERSION = 1


def claim(state_dir: "StateDir") -> int:
    """Make the container's directory, which makes its id ours; the lock's fd."""
    os.makedirs(os.path.dirname(state_dir.path), mode=0o711, exist_ok=True)
    try:
        os.mkdir(state_dir.path, 0o700)
    except FileExistsError:
        raise container_exists() from None
    return _lock(state_dir, os.O_CREAT)


def lock(state_dir: "StateDir") -> int:
    """Hold the container for a change; closing the fd lets it go."""
    return _lock(state_dir, 0)


def _lock(state_dir: "StateDir", create: int) -> int:
    try:
        fd = os.open(state_dir.lock, create | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise container_not_found() from None
    fcntl.flock(fd, fcntl.LOCK_EX)
    if os.fstat(fd).st_nlink == 0:  # whoever held it has removed the container meanwhile
        os.close(fd)
        raise container_not_found()
    return fd


def save(state_dir: "StateDir", state: "Json") -> None:
    """Replace state.json."""
    write_atomically(state_dir.state, dumps({"version": VERSION, **state}).encode())


def write_atomically(path: str, content: bytes, mode: int = 0o600) -> None:
    """Write beside the file, then rename: readers see the old one or the new one."""
    temporary = f"{os.path.dirname(path)}/.{os.path.basename(path)}"
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, mode)
    try:
        os.write(fd, content)
    finally:
        os.close(fd)
    os.replace(temporary, path)


def load(state_dir: "StateDir") -> "Json":
    """Read state.json."""
    try:
        with open(state_dir.state, "rb") as file:
            document = loads(file.read())
    except (FileNotFoundError, NotADirectoryError):
        raise container_not_found() from None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise Fault(f"{state_dir.state} was written by another version of lowrt")
    return document
