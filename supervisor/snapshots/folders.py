"""The folders of a driver's snapshots: made under a temporary name, removed under another, never half there.

<root>/snapshots/<number>/     a snapshot
<root>/snapshots/new-…/        one being made
<root>/snapshots/rm-…/         one being removed
"""

import logging
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from proto.failpoints import reached
from supervisor.core.snapshots import Usage
from supervisor.snapshots.placement import spread

logger = logging.getLogger(__name__)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class SnapshotFolders:
    """The `snapshots` folder of one driver."""

    def __init__(self, root: str) -> None:
        self.path = os.path.join(root, "snapshots")
        self._lock = threading.Lock()
        self._building: set[str] = set()  # temporary folders that are no strays
        os.makedirs(root, mode=0o700, exist_ok=True)
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        spread(self.path)

    def of(self, number: int) -> str:
        return os.path.join(self.path, str(number))

    @contextmanager
    def temporary(self) -> Iterator[str]:
        """A new empty folder, to be filled and adopted; it goes away when it was not."""
        with self._lock:
            path = tempfile.mkdtemp(prefix="new-", dir=self.path)
            self._building.add(path)
        try:
            yield path
        finally:
            remove_tree(path)
            with self._lock:
                self._building.discard(path)

    def adopt(self, temporary: str, number: int) -> None:
        """Give a finished folder its number. Called in the transaction that hands the number out."""
        try:
            os.rename(temporary, self.of(number))
            reached("supervisor.snapshot.adopted")
        except OSError:
            # Left by a transaction that a crash or a loss of power undid: nobody has this number but us.
            os.rename(self.of(number), os.path.join(self.path, f"rm-{number}-{os.path.basename(temporary)}"))
            os.rename(temporary, self.of(number))

    def discard(self, number: int) -> None:
        """Remove a snapshot's folder. Its row must be gone for good."""
        doomed = os.path.join(self.path, f"rm-{number}")
        try:
            os.rename(self.of(number), doomed)
        except FileNotFoundError:
            return
        reached("supervisor.snapshot.doomed")
        remove_tree(doomed)

    def strays(self, numbers: Iterable[int]) -> list[str]:
        """Folders that belong to no snapshot; ask in a transaction, so that none is made meanwhile."""
        known = {str(number) for number in numbers}
        with self._lock:
            paths = [os.path.join(self.path, name) for name in os.listdir(self.path) if name not in known]
            return [path for path in paths if path not in self._building]


def remove_tree(path: str) -> None:
    """Remove a folder and all in it, however deep and whatever it is called inside; what resists is logged and left.

    Sub-folders are first moved up to the top, so neither recursion nor open files grow with the depth of the tree,
    and no symbolic link is ever followed.
    """
    try:
        top = os.open(path, _FOLDER)
    except FileNotFoundError:
        return
    try:
        _empty(top, path)
    finally:
        os.close(top)
    try:
        os.rmdir(path)
    except OSError as error:
        logger.warning("failed to remove directory %s: %s", path, error)


def _empty(top: int, path: str) -> None:
    moved = 0
    queue: list[str] = []

    def lift(folder: int, name: str) -> None:
        nonlocal moved
        moved += 1
        lifted = f".lifted-{moved}"
        os.rename(name, lifted, src_dir_fd=folder, dst_dir_fd=top)
        queue.append(lifted)

    _unlink_entries(top, path, lambda folder, name: queue.append(name))
    while queue:
        name = queue.pop()
        try:
            folder = os.open(name, _FOLDER, dir_fd=top)
        except OSError as error:
            logger.warning("failed to open directory %s/%s: %s", path, name, error)
            continue
        try:
            _unlink_entries(folder, f"{path}/{name}", lift)
        finally:
            os.close(folder)
        try:
            os.rmdir(name, dir_fd=top)
        except OSError as error:
            logger.warning("failed to remove directory %s/%s: %s", path, name, error)


def _unlink_entries(folder: int, shown: str, on_folder: Callable[[int, str], None]) -> None:
    with os.scandir(folder) as entries:
        names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in names:
        try:
            if is_folder:
                on_folder(folder, name)
            else:
                os.unlink(name, dir_fd=folder)
        except OSError as error:
            logger.warning("failed to remove %s/%s: %s", shown, name, error)


def disk_usage(path: str) -> Usage:
    """Blocks and inodes below a folder, itself included; hard links count once. Never leaves the folder."""
    tally = _Tally()
    open_folders: list[tuple[int, list[str]]] = []  # the way down, each with the sub-folders still to be visited
    try:
        top = os.open(path, _FOLDER)
        open_folders.append((top, []))
        open_folders[-1][1].extend(tally.count_folder(top))
        while open_folders:
            folder, names = open_folders[-1]
            if not names:
                open_folders.pop()
                os.close(folder)
                continue
            try:
                child = os.open(names.pop(), _FOLDER, dir_fd=folder)
            except OSError:
                continue  # gone, or something else by now: a running container works here
            open_folders.append((child, []))
            open_folders[-1][1].extend(tally.count_folder(child))
    finally:
        for folder, _ in open_folders:
            os.close(folder)
    return Usage(tally.size, len(tally.seen))


class _Tally:
    """What was counted so far."""

    def __init__(self) -> None:
        self.size = 0
        self.seen: set[tuple[int, int]] = set()

    def count(self, status: os.stat_result) -> None:
        if (status.st_dev, status.st_ino) not in self.seen:
            self.seen.add((status.st_dev, status.st_ino))
            self.size += status.st_blocks * 512

    def count_folder(self, folder: int) -> list[str]:
        """Count a folder and its entries; returns the names of its sub-folders."""
        self.count(os.fstat(folder))
        below = []
        for name in os.listdir(folder):
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(status.st_mode):
                below.append(name)
            else:
                self.count(status)
        return below
