"""A faithful copy of a folder tree: owners, modes, times, attributes, hard links, devices, fifos and holes.

Fd-relative all the way and without following a link, for the trees come from images.
"""

import errno
import fcntl
import logging
import os
import stat
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FICLONE = 0x40049409  # ioctl_ficlone(2): share the blocks where the file system can
_CHUNK = 8 << 20


@dataclass(slots=True)
class _Level:
    """One folder on the way down: both sides open, and what is still to be done in it."""

    source: int
    target: int
    status: os.stat_result
    names: list[str] = field(default_factory=list)


def copy_tree(source: str, target: str) -> None:
    """Copy what is in `source`, and the looks of itself, into the existing folder `target`."""
    linked: dict[tuple[int, int], str] = {}  # hard links seen so far, by their path below the target
    levels: list[_Level] = []
    top = os.open(target, _FOLDER)
    try:
        _enter(levels, os.open(source, _FOLDER), os.dup(top))
        path: list[str] = []
        while levels:
            level = levels[-1]
            if not level.names:
                _finish_folder(levels.pop())
                if path:
                    path.pop()
                continue
            name = level.names.pop()
            status = os.stat(name, dir_fd=level.source, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                os.mkdir(name, 0o700, dir_fd=level.target)
                path.append(name)
                _enter(
                    levels,
                    os.open(name, _FOLDER, dir_fd=level.source),
                    os.open(name, _FOLDER, dir_fd=level.target),
                )
                continue
            if status.st_nlink > 1:
                first = linked.setdefault((status.st_dev, status.st_ino), "/".join([*path, name]))
                if first != "/".join([*path, name]):
                    os.link(first, name, src_dir_fd=top, dst_dir_fd=level.target, follow_symlinks=False)
                    continue
            _copy_entry(level, name, status)
    finally:
        for level in levels:
            os.close(level.source)
            os.close(level.target)
        os.close(top)


def _enter(levels: list[_Level], source: int, target: int) -> None:
    level = _Level(source, target, os.fstat(source))
    levels.append(level)
    level.names = os.listdir(source)


def _finish_folder(level: _Level) -> None:
    """Looks last: filling a folder changes its times, and a read-only one could not be filled."""
    try:
        _copy_looks(level.source, level.target, level.status)
    finally:
        os.close(level.source)
        os.close(level.target)


def _copy_entry(level: _Level, name: str, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        _copy_file(level, name, status)
        return
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(name, dir_fd=level.source), name, dir_fd=level.target)
    else:
        os.mknod(name, status.st_mode, status.st_rdev, dir_fd=level.target)
    os.chown(name, status.st_uid, status.st_gid, dir_fd=level.target, follow_symlinks=False)
    _copy_attributes(f"/proc/self/fd/{level.source}/{name}", f"/proc/self/fd/{level.target}/{name}")
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(name, stat.S_IMODE(status.st_mode), dir_fd=level.target)
    os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=level.target, follow_symlinks=False)


def _copy_file(level: _Level, name: str, status: os.stat_result) -> None:
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=level.source)
    try:
        target = os.open(
            name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=level.target
        )
        try:
            _copy_data(source, target, status.st_size)
            _copy_looks(source, target, status)
        finally:
            os.close(target)
    finally:
        os.close(source)


def _copy_data(source: int, target: int, size: int) -> None:
    try:
        fcntl.ioctl(target, _FICLONE, source)
        return
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL):
            raise
    offset = 0
    while offset < size:
        try:
            offset = os.lseek(source, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            break  # only a hole is left
        end = os.lseek(source, offset, os.SEEK_HOLE)
        while offset < end:
            copied = os.copy_file_range(source, target, min(end - offset, _CHUNK), offset, offset)
            if not copied:
                raise OSError(errno.EIO, "the file shrank while it was copied")
            offset += copied
    os.ftruncate(target, size)


def _copy_looks(source: int, target: int, status: os.stat_result) -> None:
    os.fchown(target, status.st_uid, status.st_gid)
    _copy_attributes(source, target)
    os.fchmod(target, stat.S_IMODE(status.st_mode))  # behind chown(2), which takes set-id bits away
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _copy_attributes(source: int | str, target: int | str) -> None:
    follow = isinstance(source, int)
    for name in os.listxattr(source, follow_symlinks=follow):
        try:
            os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=follow), follow_symlinks=follow)
        except OSError as error:
            # security.* cannot be set everywhere (https://github.com/moby/buildkit/issues/1189)
            logger.debug("failed to copy xattr %s: %s", name, error)
