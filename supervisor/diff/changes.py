"""What differs between two folder trees, in the order of a walk: the comparison that containerd makes, on open folders.

Two files are the same when kind, mode, owner, device, capabilities, size and time agree; where both times may have
been cut to whole seconds, their contents decide. Where the right side is an overlay on the left one's layers, only
what its upperdir has is looked at. Files may change while we look (a running container): nothing is opened through a
link, and what vanishes is passed over.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 18

Side = tuple[int, os.stat_result] | None  # the holding folder's fd, and the status of the name in it


class Kind(Enum):
    """What happened to a path; UNMODIFIED comes only for files with several names."""

    ADD = "add"
    MODIFY = "modify"
    DELETE = "delete"
    UNMODIFIED = "unmodified"


@dataclass(frozen=True, slots=True)
class Change:
    """A path that differs; `folder` is the open folder on the right that holds it, valid until the next change is
    asked for."""

    kind: Kind
    path: bytes
    folder: int = -1
    status: os.stat_result | None = None

    @property
    def base(self) -> bytes:
        """The last component."""
        return self.path.rsplit(b"/", 1)[-1]


@dataclass(slots=True)
class _Frame:
    """A folder under comparison: its open sides (-1 where it is not there) and the names still to look at."""

    path: bytes
    left: int
    right: int
    upper: int
    pruned: bool
    names: list[bytes]

    def close(self) -> None:
        for fd in (self.left, self.right, self.upper):
            if fd >= 0:
                os.close(fd)


def changes(left: int, right: int, upper: int = -1) -> Iterator[Change]:
    """Walk both trees; the caller keeps its three fds (`upper`: the right overlay's upperdir, where left is what lies
    below it)."""
    stack = [_frame(b"", *(os.dup(fd) if fd >= 0 else -1 for fd in (left, right, upper)), pruned=upper >= 0)]
    try:
        while stack:
            frame = stack[-1]
            if not frame.names:
                stack.pop().close()
                continue
            name = frame.names.pop()
            path = frame.path + b"/" + name if frame.path else name
            old, new = _lstat(frame.left, name), _lstat(frame.right, name)
            if new is None:
                if old is not None:
                    yield Change(Kind.DELETE, path)
                continue
            kind = Kind.ADD if old is None else _compare(frame, name, old, new)
            if kind is not Kind.UNMODIFIED or (not stat.S_ISDIR(new.st_mode) and new.st_nlink > 1):
                yield Change(kind, path, frame.right, new)
            if stat.S_ISDIR(new.st_mode):
                inner = _descend(frame, name, path)
                if inner is not None:
                    stack.append(inner)
    finally:
        for frame in stack:
            frame.close()


def _descend(frame: _Frame, name: bytes, path: bytes) -> _Frame | None:
    right = _open(frame.right, name)
    if right < 0:
        return None
    return _frame(path, _open(frame.left, name), right, _open(frame.upper, name), pruned=frame.pruned)


def _frame(path: bytes, left: int, right: int, upper: int, *, pruned: bool) -> _Frame:
    if pruned and upper >= 0 and (_overlay_says(upper, "redirect") or _overlay_says(upper, "opaque")):
        pruned = False  # below here the upperdir alone does not tell what is gone: look at everything
    if pruned and upper < 0:
        names: set[bytes] = set()  # not in the upperdir: the lower layers' folder as it is
    elif pruned:
        names = set(_names(upper))
    else:
        names = set(_names(left)) | set(_names(right))
    return _Frame(path, left, right, upper, pruned, sorted(names, reverse=True))


def _overlay_says(fd: int, what: str) -> bool:
    try:
        return bool(os.getxattr(fd, f"trusted.overlay.{what}"))
    except OSError:
        return False


def _names(fd: int) -> list[bytes]:
    return [os.fsencode(name) for name in os.listdir(fd)] if fd >= 0 else []


def _open(parent: int, name: bytes) -> int:
    """The folder of this name; -1 when there is none, or something else."""
    if parent < 0:
        return -1
    try:
        return os.open(name, _FOLDER, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return -1
        raise


def _lstat(parent: int, name: bytes) -> os.stat_result | None:
    if parent < 0:
        return None
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _compare(frame: _Frame, name: bytes, old: os.stat_result, new: os.stat_result) -> Kind:
    if (old.st_dev, old.st_ino) == (new.st_dev, new.st_ino):
        return Kind.UNMODIFIED
    same = (old.st_mode, old.st_uid, old.st_gid, old.st_rdev) == (new.st_mode, new.st_uid, new.st_gid, new.st_rdev)
    if same and not stat.S_ISDIR(old.st_mode):
        same = old.st_size == new.st_size and _same_data(frame, name, old, new)
    if same and not stat.S_ISLNK(old.st_mode):
        same = capability(frame.left, name) == capability(frame.right, name)
    return Kind.UNMODIFIED if same else Kind.MODIFY


def _same_data(frame: _Frame, name: bytes, old: os.stat_result, new: os.stat_result) -> bool:
    if old.st_mtime_ns != new.st_mtime_ns:
        return False
    if old.st_mtime_ns % 1_000_000_000:
        return True
    if stat.S_ISLNK(old.st_mode):
        return os.readlink(name, dir_fd=frame.left) == os.readlink(name, dir_fd=frame.right)
    if not stat.S_ISREG(old.st_mode) or old.st_size == 0:
        return True
    with open_file(frame.left, name) as one, open_file(frame.right, name) as other:
        while data := one.read(_CHUNK):
            if data != other.read(_CHUNK):
                return False
        return not other.read(1)


class open_file:  # reads as the function it replaces
    """A regular file opened without following links or waiting for a FIFO; unbuffered reads."""

    def __init__(self, parent: int, name: bytes) -> None:
        self.fd = os.open(name, _FILE, dir_fd=parent)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes."""
        return os.read(self.fd, size)

    def __enter__(self) -> "open_file":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def capability(parent: int, name: bytes) -> bytes:
    """The file's capabilities attribute; empty where there is none."""
    try:
        return os.getxattr(b"/proc/self/fd/%d/%b" % (parent, name), "security.capability", follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.EOPNOTSUPP, errno.ENOENT):
            return b""
        raise
