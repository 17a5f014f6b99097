"""A folder as a build's context: what of it goes, whole as a tar, or as a list and the files that the engine lacks.

The Dockerfile and .dockerignore always go along: the engine needs them, and takes them out of the context itself.
"""

import contextlib
import fcntl
import io
import os
import socket
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Protocol

from engine.builder import ignore

_PIPE = 1 << 20
_MANY, _LARGE = 100, 1 << 20
_MOST, _DEEPEST = 200_000, 100  # the engine's own bounds (engine/builder/tree.py, whose imports a client need not load)
_PLAIN = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)


class Readable(Protocol):
    """All that is asked of a body."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes; all without a number."""
        ...


class Lazy:
    """A stream that begins when somebody reads it: a context of which only a part is wanted is never begun."""

    def __init__(self, begin: Callable[[], IO[bytes]]) -> None:
        self._begin = begin
        self._body: IO[bytes] | None = None

    def read(self, size: int = -1) -> bytes:
        """Some of it; all without a size."""
        if self._body is None:
            self._body = self._begin()
        return self._body.read(size)


@contextmanager
def piped(write: Callable[[tarfile.TarFile], None], failures: list[Exception]) -> Iterator[IO[bytes]]:
    """The tar that `write` fills, in a thread."""
    reading, writing = os.pipe()
    with contextlib.suppress(OSError):  # the user's pipes may be many already
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE)

    def produce() -> None:
        try:
            with (
                os.fdopen(writing, "wb", buffering=_PIPE) as target,
                tarfile.open(fileobj=target, mode="w|", bufsize=_PIPE, copybufsize=_PIPE) as tar,  # type: ignore[call-overload]
            ):
                write(tar)
        except BrokenPipeError:
            pass  # the engine has refused, and says why
        except Exception as error:  # shown by the command
            failures.append(error)

    thread = threading.Thread(target=produce, name="build context", daemon=True)
    body = os.fdopen(reading, "rb", buffering=_PIPE)
    thread.start()
    try:
        yield body
    finally:
        body.close()
        thread.join()


class Listing:
    """What of a folder is a context: looked at once, then sent whole, or as a list and the files that are wanted."""

    def __init__(self, context: str, rules: ignore.Ignore, dockerfile: str, extra: bytes | None) -> None:
        self._context = context
        self._dockerfile = dockerfile
        self._extra = extra
        self._rules = rules
        self._always = {dockerfile, ".dockerignore"} if dockerfile else set[str]()
        self._found: list[tuple[str, os.stat_result]] | None = None

    def found(self) -> list[tuple[str, os.stat_result]]:
        """Paths in their order; sockets, which no tar holds, are left out as docker does."""
        if self._found is None:
            self._found = [each for each in self._walk("") if not stat.S_ISSOCK(each[1].st_mode)]
        return self._found

    def _walk(self, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        with os.scandir(f"{self._context}/{folder}" if folder else self._context) as entries:
            inside = sorted(entries, key=lambda entry: entry.name)
        for entry in inside:
            path = f"{folder}/{entry.name}" if folder else entry.name
            excluded = path not in self._always and self._rules.excludes(path)
            if not excluded:
                yield path, entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                needed = any(wanted.startswith(f"{path}/") for wanted in self._always)
                if not excluded or needed or self._rules.may_hold(path):
                    yield from self._walk(path)

    @property
    def is_worth_comparing(self) -> bool:
        """Large enough that asking costs less than sending, and all of it such that a list can tell of it."""
        found = self.found()
        large = len(found) > _MANY or sum(status.st_size for _, status in found) > _LARGE
        return (
            large
            and len(found) < _MOST
            and all(stat.S_IFMT(status.st_mode) in _PLAIN and path.count("/") < _DEEPEST for path, status in found)
        )

    @property
    def key(self) -> str:
        """By which the engine finds what it has of this folder."""
        return f"{socket.gethostname()}:{os.getuid()}:{os.path.realpath(self._context)}"

    def rows(self) -> list[list[str | int]]:
        """What the engine compares with what it has."""
        rows: list[list[str | int]] = [
            [
                path,
                status.st_mode,
                status.st_size if stat.S_ISREG(status.st_mode) else 0,
                max(status.st_mtime_ns, 0),
                max(status.st_ctime_ns, 0),
                status.st_ino,
                os.readlink(f"{self._context}/{path}") if stat.S_ISLNK(status.st_mode) else "",
            ]
            for path, status in self.found()
        ]
        if self._extra is not None:
            rows.append([self._dockerfile, stat.S_IFREG | 0o644, len(self._extra), 0, 0, 0, ""])
        return rows

    def write(self, tar: tarfile.TarFile) -> None:
        """All of it; owners are the engine's business, so all are root's."""
        names: dict[tuple[int, int], str] = {}
        for path, status in self.found():
            _add(tar, self._context, path, path, status, names)
        if self._extra is not None:
            add_text(tar, self._dockerfile, self._extra)

    def write_some(self, tar: tarfile.TarFile, wanted: list[int]) -> None:
        """The files of these rows, each under its row's number."""
        found = self.found()
        for number in wanted:
            if number < len(found):
                path, status = found[number]
                _add(tar, self._context, path, str(number), status, {})
            else:
                add_text(tar, str(number), self._extra or b"")


def _add(
    tar: tarfile.TarFile,
    context: str,
    path: str,
    name: str,
    status: os.stat_result,
    names: dict[tuple[int, int], str],
) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime = stat.S_IMODE(status.st_mode), int(status.st_mtime)
    if stat.S_ISREG(status.st_mode):
        identity = (status.st_dev, status.st_ino)
        if status.st_nlink > 1 and identity in names:
            entry.type, entry.linkname = tarfile.LNKTYPE, names[identity]
            tar.addfile(entry)
            return
        names[identity] = name
        with open(f"{context}/{path}", "rb", buffering=0) as file:
            entry.size = os.fstat(file.fileno()).st_size
            tar.addfile(entry, file)
        return
    if stat.S_ISDIR(status.st_mode):
        entry.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(f"{context}/{path}")
    elif stat.S_ISFIFO(status.st_mode):
        entry.type = tarfile.FIFOTYPE
    else:
        entry.type = tarfile.CHRTYPE if stat.S_ISCHR(status.st_mode) else tarfile.BLKTYPE
        entry.devmajor, entry.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
    tar.addfile(entry)


def add_text(tar: tarfile.TarFile, name: str, text: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(text)
    entry.mode = 0o644
    tar.addfile(entry, io.BytesIO(text))
