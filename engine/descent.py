"""Going down an untrusted tree and up again, however deep it is: by fds, of which only so many are open at a time.

A container can nest folders until no path of the kernel's reaches the lowest, and until a daemon that holds an fd or a
stack frame for each has none left. Here, of the folders above only the nearest stay open; further up the way leads by
`..`, and to where it came from, or it ends: whoever moves a folder meanwhile does not lead the walk elsewhere.
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from types import TracebackType

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Descent:
    """A place in a tree; it starts with a folder's fd, which stays its caller's. `nearest` folders above stay open."""

    def __init__(self, start: int, nearest: int = 16) -> None:
        self._nearest = nearest
        self._above: list[tuple[int, int]] = []  # which folders lead here: device and inode
        self._open: deque[int] = deque()  # the nearest of them
        self.fd = os.open(".", FOLDER, dir_fd=start)

    @property
    def depth(self) -> int:
        """How far down."""
        return len(self._above)

    def enter(self, name: str) -> None:
        """Go into a folder; OSError where it is none, or a link."""
        child = os.open(name, FOLDER, dir_fd=self.fd)
        found = os.fstat(self.fd)
        self._above.append((found.st_dev, found.st_ino))
        self._open.append(self.fd)
        self.fd = child
        if len(self._open) > self._nearest:
            os.close(self._open.popleft())

    def leave(self) -> None:
        """Go back up; ESTALE where the folder has been moved meanwhile."""
        known = self._above.pop()
        parent = self._open.pop() if self._open else os.open("..", FOLDER, dir_fd=self.fd)
        os.close(self.fd)
        self.fd = parent
        found = os.fstat(parent)
        if (found.st_dev, found.st_ino) != known:
            raise OSError(errno.ESTALE, "a folder was moved while it was walked")

    def close(self) -> None:
        """Let go of all of it."""
        for fd in (*self._open, self.fd):
            os.close(fd)
        self._open.clear()

    def __enter__(self) -> "Descent":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()


def remove_tree(folder: int, name: str) -> None:
    """Delete a folder of `folder` and all below it; what somebody else deletes meanwhile is none of our trouble."""
    with Descent(folder) as place:
        try:
            place.enter(name)
        except FileNotFoundError:
            return
        device = os.fstat(place.fd).st_dev
        names = [(name, _emptied(place.fd))]
        while names:
            own, children = names[-1]
            child = next(children, None)
            if child is not None:
                place.enter(child)
                if os.fstat(place.fd).st_dev != device:
                    raise OSError(errno.EXDEV, "something is mounted in it", child)
                names.append((child, _emptied(place.fd)))
                continue
            names.pop()
            place.leave()
            try:
                os.rmdir(own, dir_fd=place.fd)
            except FileNotFoundError:
                pass


def _emptied(folder: int) -> Iterator[str]:
    """Delete what is no folder; the folders' names."""
    with os.scandir(folder) as entries:
        listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in listed:
        if not is_folder:
            try:
                os.unlink(name, dir_fd=folder)
            except FileNotFoundError:
                pass
    return iter([name for name, is_folder in listed if is_folder])


def size_of_files(folder: int) -> int:
    """The lengths of all files below, summed up; what vanishes meanwhile counts nothing."""
    total = 0
    with Descent(folder) as place:
        pending = [iter(os.listdir(place.fd))]
        while pending:
            name = next(pending[-1], None)
            if name is None:
                pending.pop()
                if pending:
                    place.leave()
                continue
            try:
                found = os.stat(name, dir_fd=place.fd, follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    place.enter(name)
                    pending.append(iter(os.listdir(place.fd)))
                else:
                    total += found.st_size
            except FileNotFoundError:
                continue
    return total
