"""A folder tree that an archive writes into: every path is resolved by the kernel inside the root, every change is
fd-relative.

The rules (CVE-2025-47290, CVE-2021-32760 and their kin):

- a parent folder is opened with openat2(2) RESOLVE_IN_ROOT: symbolic links in it, made by this archive or by an
earlier layer, lead
  to somewhere inside the root or nowhere;
- the last component is only ever created anew (O_EXCL, mknodat, symlinkat, linkat) or opened as the folder it is
(O_NOFOLLOW);
  owner, mode, times and attributes are set through the fd of what was just made, never through a path;
- folders stay open in a small cache, which is emptied as soon as a folder or a link is removed. An fd that was lent
out stays
  open until `settle`, for a reused fd number is another folder.
"""

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Sequence

from supervisor.diff import linux
from supervisor.diff.implicit_folders import ImplicitFolders, copy_looks
from supervisor.diff.tar_safety import Path, clean

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_IN_ROOT = linux.RESOLVE_IN_ROOT | linux.RESOLVE_NO_MAGICLINKS
_CACHED = 64
_MOST_LINKS = 40  # as path_resolution(7)


class Tree:
    """The root folder and what may be done below it.

    `parents` are lower layers, topmost first; while they are not known yet, `implicit` notes what is to be looked up
    in them.
    """

    def __init__(self, root: int, parents: Sequence[str] = (), implicit: ImplicitFolders | None = None) -> None:
        self._root = root
        self._implicit = implicit
        self._parents = [os.open(parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) for parent in parents]
        self._cache: OrderedDict[Path, int] = OrderedDict()
        self._stale: list[int] = []

    def settle(self) -> None:
        """Close what was lent out and is in the cache no more; called between two entries."""
        while self._stale:
            os.close(self._stale.pop())

    def close(self) -> None:
        """Close every folder that is open, but not the root, which is the caller's."""
        self._forget()
        self.settle()
        while self._parents:
            os.close(self._parents.pop())

    def folder(self, path: Path, *, create: bool, links: int = 0) -> int:
        """An open folder; lent, not given. Missing ones are made, with the owner, mode and times of the lower layers'
        ones."""
        if not path:
            return self._root
        fd = self._cache.get(path)
        if fd is not None:
            self._cache.move_to_end(path)
            return fd
        try:
            fd = linux.openat2(self._root, b"/".join(path), _OPEN_FOLDER, _IN_ROOT)
        except FileNotFoundError:
            if not create:
                raise
            fd = self._make_folder(path, links)
        self._cache[path] = fd
        if len(self._cache) > _CACHED:
            self._stale.append(self._cache.popitem(last=False)[1])
        return fd

    def _make_folder(self, path: Path, links: int) -> int:
        """Make what is missing on the way, from the deepest folder that is there; a new fd."""
        depth = len(path) - 1
        while depth > 0 and not self._is_there(path[:depth]):
            depth -= 1
        fd = os.dup(self.folder(path[:depth], create=False))
        try:
            for end in range(depth + 1, len(path) + 1):
                try:
                    os.mkdir(path[end - 1], 0o755, dir_fd=fd)
                except FileExistsError:
                    return self._behind_link(path, end, fd, links)
                made = os.open(path[end - 1], _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=fd)
                os.close(fd)
                fd = made
                os.fchmod(fd, 0o755)  # whatever the umask says
                if self._implicit is not None:
                    self._implicit.made(path[:end], fd)
                copy_looks(self._parents, b"/".join(path[:end]), fd, times=True)
            return os.dup(fd)
        finally:
            os.close(fd)

    def _behind_link(self, path: Path, end: int, fd: int, links: int) -> int:
        """Make the folder that a dangling link names, in the root: `var/run -> /run` where /run is in a lower layer."""
        if links >= _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = os.readlink(path[end - 1], dir_fd=fd)
        start = b"" if target.startswith(b"/") else b"/".join(path[: end - 1])
        return os.dup(self.folder(clean(b"/".join((start, target, *path[end:]))), create=True, links=links + 1))

    def _is_there(self, path: Path) -> bool:
        try:
            self.folder(path, create=False)
        except FileNotFoundError:
            return False
        return True

    def described(self, folder: int) -> None:
        """A folder looks as the archive says, and not as in the lower layers."""
        if self._implicit is not None:
            self._implicit.described(folder)

    def clear(self, parent: int, base: bytes, *, keep_folder: bool = False) -> bool:
        """Remove what has this name; a folder may be kept, and then True says that it is there."""
        try:
            status = os.stat(base, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(status.st_mode):
            if keep_folder:
                return True
            self._forget()
            self._remove_folder(parent, base)
            return False
        if stat.S_ISLNK(status.st_mode):
            self._forget()
        os.unlink(base, dir_fd=parent)
        return False

    def _remove_folder(self, parent: int, base: bytes) -> None:
        """rm -r with one open folder at a time: how deep it goes was the archive's choice."""
        here = os.dup(parent)
        levels = [[base]]
        try:
            while levels:
                if not levels[-1]:
                    levels.pop()
                    if levels:
                        here = _step(here, b"..")  # up the way that we came: nobody else is in this tree
                    continue
                try:
                    os.rmdir(levels[-1][-1], dir_fd=here)
                    levels[-1].pop()
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                    here = _step(here, levels[-1][-1])
                    levels.append(_unlink_files(here))
        finally:
            os.close(here)

    def _forget(self) -> None:
        while self._cache:
            self._stale.append(self._cache.popitem()[1])


def _step(fd: int, name: bytes) -> int:
    inner = os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=fd)
    os.close(fd)
    return inner


def _unlink_files(fd: int) -> list[bytes]:
    """Unlink every file in a folder; the folders' names come back."""
    folders = []
    with os.scandir(fd) as entries:
        for entry in entries:
            name = os.fsencode(entry.name)
            if entry.is_dir(follow_symlinks=False):
                folders.append(name)
            else:
                os.unlink(name, dir_fd=fd)
    return folders
