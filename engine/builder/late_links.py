"""Files of a context given to a layer by hard links instead of copies: both lie on one file system, and nobody changes
either of them again.

A link cannot be made through an overlay's mount, so a copy only notes what it would have written, having made sure that
the folder is in the upper layer; the links are made there when the mount has gone. A file is linked once, or two files
of an image would be names of one; where that has been, and where the kernel makes no link, the bytes are copied.
"""

import errno
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from engine import kernel

_LONGEST = 3500
_NO_LINKS = kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_SYMLINKS
_LINKING = threading.Lock()
CopyFile = Callable[[int, os.stat_result, int, str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of the context, and the one in the upper layer that its files go to."""

    target: str  # below the upper layer's root
    source: str  # absolute, without links: the context is below a private folder of the engine's


def path_of(fd: int) -> str:
    """Where an open file or folder lies, links resolved."""
    return os.readlink(f"/proc/self/fd/{fd}")


@dataclass(slots=True)
class LateLinks:
    """What one COPY has to link; `upper` is where the writable layer lies, once that is known."""

    upper: str = ""
    mounted: str = ""
    copy: CopyFile | None = None
    _wanted: list[tuple["Place", str, str]] = field(default_factory=list)

    def place(self, folder: str, parent: int) -> "Place | None":
        """Files of a folder are to be in another, an open one below the mount; None: they must be copied."""
        path = path_of(parent) if self.upper else ""
        if not path.startswith(f"{self.mounted}/") and path != self.mounted:
            return None
        os.fchmod(parent, stat.S_IMODE(os.fstat(parent).st_mode))  # changes nothing, but where the folder is kept
        inside = path.removeprefix(self.mounted).lstrip("/")
        if len(folder) > _LONGEST or not os.path.isdir(f"{self.upper}/{inside}"):
            return None
        return Place(inside, folder)

    def take(self, place: "Place", name: str, origin: str = "") -> None:
        """Note one file, and its name in the context where that is another."""
        self._wanted.append((place, name, origin or name))

    def make(self) -> None:
        """Make them; the mount has gone. Blocking."""
        if not self._wanted:
            return
        root = os.open(self.upper, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened, folder = None, -1
        try:
            for place, name, origin in self._wanted:
                if place != opened:
                    if folder >= 0:
                        os.close(folder)
                    opened, folder = None, -1
                    folder = kernel.openat2(root, place.target or ".", os.O_RDONLY | os.O_DIRECTORY, resolve=_NO_LINKS)
                    opened = place
                self._link(f"{place.source}/{origin}", folder, name)
        finally:
            if folder >= 0:
                os.close(folder)
            os.close(root)

    def _link(self, source: str, folder: int, name: str) -> None:
        try:
            with _LINKING:
                if os.stat(source, follow_symlinks=False).st_nlink > 1:
                    raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), source)
                os.link(source, name, dst_dir_fd=folder, follow_symlinks=False)
            return
        except FileExistsError:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISCHR(found.st_mode) or found.st_rdev:
                raise
            os.unlink(name, dir_fd=folder)  # the mark of what was there before, in a layer below
            self._link(source, folder, name)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP) or self.copy is None:
                raise
            fd = os.open(source, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                self.copy(fd, os.fstat(fd), folder, name)
            finally:
                os.close(fd)
