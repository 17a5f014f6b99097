"""tmpcopyup: fill a new tmpfs with what the image has at its place, before it covers it.

All by fd, never through a link: the source belongs to the image.
"""

import os
import stat

_CHUNK = 1 << 20


def copy_up(source_path_fd: int, mount_fd: int) -> None:
    """Copy the directory's contents, and its own mode and owner, into the root of the detached mount."""
    source = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=source_path_fd)
    target = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=mount_fd)
    try:
        _copy_directory(source, target)
    finally:
        os.close(source)
        os.close(target)


def _copy_directory(source: int, target: int) -> None:
    for name in os.listdir(source):
        _copy_entry(name, source, target)
    _copy_metadata(os.fstat(source), target)


def _copy_entry(name: str, source: int, target: int) -> None:
    status = os.stat(name, dir_fd=source, follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        os.mkdir(name, 0o700, dir_fd=target)
        inner = [os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd) for fd in (source, target)]
        try:
            _copy_directory(*inner)
        finally:
            for fd in inner:
                os.close(fd)
    elif stat.S_ISREG(status.st_mode):
        _copy_file(name, source, target, status)
    elif stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
    else:
        os.mknod(name, status.st_mode, status.st_rdev, dir_fd=target)
        os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)


def _copy_file(name: str, source: int, target: int, status: os.stat_result) -> None:
    reader = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
    try:
        writer = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=target)
        try:
            while os.sendfile(writer, reader, None, _CHUNK):
                pass
            _copy_metadata(status, writer)
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _copy_metadata(status: os.stat_result, fd: int) -> None:
    os.fchown(fd, status.st_uid, status.st_gid)
    os.fchmod(fd, stat.S_IMODE(status.st_mode))  # after chown, which drops setuid
    os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns))
