"""Folders that an archive needs but does not hold, of a layer that is unpacked before the ones below it are there.

They get the looks that overlayfs would have copied up (owner, mode, attributes) once the layers below are known. What
is to be done is spooled to disk: how many there are was the archive's choice.
"""

import errno
import os
import stat
import struct
import tempfile
from collections.abc import Sequence

from supervisor.diff import linux
from supervisor.diff.tar_safety import Path

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_IN_ROOT = linux.RESOLVE_IN_ROOT | linux.RESOLVE_NO_MAGICLINKS
_SPOOLED = struct.Struct("<QI")  # inode, length of the path
_SPOOL_MEMORY = 1 << 20


class ImplicitFolders:
    """A note of such folders; closed by whoever made it."""

    def __init__(self) -> None:
        self._spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_MEMORY)  # noqa: SIM115  # closed by close()
        self._inodes: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._inodes)

    def made(self, path: Path, folder: int) -> None:
        """A folder was made on the way to something in it."""
        inode = os.fstat(folder).st_ino
        name = b"/".join(path)
        self._inodes.add(inode)
        self._spool.write(_SPOOLED.pack(inode, len(name)) + name)

    def described(self, folder: int) -> None:
        """The archive itself says what a folder looks like."""
        if self._inodes:
            self._inodes.discard(os.fstat(folder).st_ino)

    def copy_up(self, root: str, lowers: Sequence[str]) -> None:
        """Give the folders below `root` the looks that they have in the lower layers, topmost first."""
        parents: list[int] = []
        top = os.open(root, _OPEN_FOLDER)
        try:
            parents += (os.open(lower, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) for lower in lowers)
            self._spool.seek(0)
            while head := self._spool.read(_SPOOLED.size):
                inode, length = _SPOOLED.unpack(head)
                self._one(top, self._spool.read(length), inode, parents)
        finally:
            for parent in parents:
                os.close(parent)
            os.close(top)

    def _one(self, top: int, name: bytes, inode: int, parents: Sequence[int]) -> None:
        if inode not in self._inodes:
            return
        try:
            folder = linux.openat2(top, name, _OPEN_FOLDER, _IN_ROOT)
        except (FileNotFoundError, NotADirectoryError):
            return  # a later entry of the same archive replaced it
        try:
            if os.fstat(folder).st_ino == inode:
                copy_looks(parents, name, folder, times=False)  # its times are those of what was put into it
        finally:
            os.close(folder)

    def close(self) -> None:
        """Forget all."""
        self._spool.close()


def copy_looks(parents: Sequence[int], name: bytes, made: int, *, times: bool) -> None:
    """Give a new upper folder what overlayfs would have copied up: owner, mode, attributes, times."""
    for parent in parents:
        try:
            fd = linux.openat2(parent, name, _OPEN_FOLDER | os.O_NONBLOCK, _IN_ROOT)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno in (errno.ENXIO, errno.ENOTDIR, errno.ELOOP):  # a whiteout or another kind of file
                return
            raise
        try:
            status = os.fstat(fd)
            os.fchown(made, status.st_uid, status.st_gid)
            for attribute in os.listxattr(fd):
                if not attribute.startswith("trusted.overlay."):
                    os.setxattr(made, attribute, os.getxattr(fd, attribute))
            os.fchmod(made, stat.S_IMODE(status.st_mode))
            if times:
                os.utime(made, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(fd)
        return
