"""Fills a new volume with what the image has at that place, as Docker does on first use.

Runs on a mounted root that is not trusted: the source is found by openat2(2) inside of it, so `VOLUME /../../etc`
finds the image's own /etc (CVE-2022-23648), and links are copied, never followed.
"""

import os
import shutil
import stat

from engine import kernel


def copy_up(root_path: str, destination: str, target: str) -> None:
    """Copy the folder at `destination` of the root into the empty folder `target`, owners and modes included."""
    if os.listdir(target):
        return
    root = os.open(root_path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        source = kernel.openat2(root, destination, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return  # the image has no such folder
    finally:
        os.close(root)
    try:
        _copy_folder(source, target)
    finally:
        os.close(source)


def _copy_folder(source: int, target: str) -> None:
    for name in os.listdir(source):
        found = os.stat(name, dir_fd=source, follow_symlinks=False)
        path = f"{target}/{name}"
        if stat.S_ISDIR(found.st_mode):
            os.mkdir(path)
            child = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
            try:
                _copy_folder(child, path)
            finally:
                os.close(child)
            continue
        if stat.S_ISLNK(found.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), path)
        elif stat.S_ISREG(found.st_mode):
            _copy_file(source, name, path)
        else:
            os.mknod(path, found.st_mode, found.st_rdev)
        _own(path, found)
    _own(target, os.fstat(source))


def _copy_file(folder: int, name: str, path: str) -> None:
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(fd, "rb") as source, open(path, "xb") as target:
        shutil.copyfileobj(source, target)
        for attribute in os.listxattr(fd):
            if attribute.startswith(("security.capability", "user.")):
                os.setxattr(target.fileno(), attribute, os.getxattr(fd, attribute))


def _own(path: str, found: os.stat_result) -> None:
    os.chown(path, found.st_uid, found.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        os.chmod(path, stat.S_IMODE(found.st_mode))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns), follow_symlinks=False)
