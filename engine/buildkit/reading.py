"""Files of a result that is held: read, listed and described for the gateway's clients, inside of its root."""

import contextlib
import fnmatch
import os
import posixpath
import stat as modes
from collections.abc import Callable, Iterator
from typing import TypeVar

from engine import kernel
from engine.builder.client import Made
from engine.builder.threads import finish
from proto.buildkit.types.fsutil_pb2 import Stat
from proto.errdefs import InvalidArgument, NotFound, ResourceExhausted

_MOST = 8 << 20  # bytes of one file: a message has 16 MiB
_MOST_ENTRIES = 50_000
_NO_FOLLOW = kernel.RESOLVE_IN_ROOT
_GO = {  # kinds of files as Go's os.FileMode has them
    modes.S_IFDIR: 1 << 31,
    modes.S_IFLNK: 1 << 27,
    modes.S_IFBLK: 1 << 26,
    modes.S_IFCHR: 1 << 26 | 1 << 21,
    modes.S_IFIFO: 1 << 25,
    modes.S_IFSOCK: 1 << 24,
}
_GO_BITS = {modes.S_ISUID: 1 << 23, modes.S_ISGID: 1 << 22, modes.S_ISVTX: 1 << 20}

Found = TypeVar("Found")


async def file(made: Made, path: str, offset: int, length: int) -> bytes:
    """Its bytes; without a length, up to the end."""

    def read(root: int) -> bytes:
        with _opened(root, path, os.O_RDONLY | os.O_NONBLOCK) as fd:
            if not modes.S_ISREG(os.fstat(fd).st_mode):
                raise InvalidArgument(f"{path} is not a regular file")
            data = os.pread(fd, min(length or _MOST + 1, _MOST + 1), max(offset, 0))
            if len(data) > _MOST:
                raise ResourceExhausted(f"{path} is larger than 8 MiB: read it in parts")
            return data

    return await _looked(made, read)


async def folder(made: Made, path: str, pattern: str) -> list[Stat]:
    """What is in it, by name."""

    def read(root: int) -> list[Stat]:
        with _opened(root, path, os.O_RDONLY | os.O_DIRECTORY) as fd:
            names = sorted(name for name in os.listdir(fd) if not pattern or fnmatch.fnmatchcase(name, pattern))
            if len(names) > _MOST_ENTRIES:
                raise ResourceExhausted(f"{path} has more than {_MOST_ENTRIES} entries")
            return [_described(fd, name, name) for name in names]

    return await _looked(made, read)


async def stat(made: Made, path: str) -> Stat:
    """Of the path itself: a link is told as one."""
    parent, name = posixpath.split(posixpath.normpath(posixpath.join("/", path)))

    def read(root: int) -> Stat:
        with _opened(root, parent, os.O_PATH | os.O_DIRECTORY) as fd:
            return _described(fd, name or ".", name)

    return await _looked(made, read)


async def _looked(made: Made, read: Callable[[int], Found]) -> Found:
    async with made.layers.viewed(made.state) as root:
        try:
            return await finish(read, root)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(error.strerror) from error


@contextlib.contextmanager
def _opened(root: int, path: str, flags: int) -> Iterator[int]:
    fd = kernel.openat2(root, path.lstrip("/") or ".", flags | os.O_CLOEXEC, resolve=_NO_FOLLOW)
    try:
        yield fd
    finally:
        os.close(fd)


def _described(parent: int, name: str, shown: str) -> Stat:
    found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    mode = modes.S_IMODE(found.st_mode) & 0o777 | _GO.get(modes.S_IFMT(found.st_mode), 0)
    for bit, go in _GO_BITS.items():
        mode |= go if found.st_mode & bit else 0
    made = Stat(
        path=shown, mode=mode, uid=found.st_uid, gid=found.st_gid, size=found.st_size, modTime=found.st_mtime_ns
    )
    if modes.S_ISLNK(found.st_mode):
        made.linkname = os.readlink(name, dir_fd=parent)
    if modes.S_ISBLK(found.st_mode) or modes.S_ISCHR(found.st_mode):
        made.devmajor, made.devminor = os.major(found.st_rdev), os.minor(found.st_rdev)
    return made
