"""Fills a new volume with what the image has at that place, as Docker does on first use.

Runs on a mounted root that is not trusted: the source is found by openat2(2) inside of it, so `VOLUME /../../etc`
finds the image's own /etc (CVE-2022-23648), and links are copied, never followed.
"""

import os
import shutil
import stat

from engine import kernel
from engine.descent import FOLDER, Descent


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
    """However deep it is: both trees are walked in step."""
    there = os.open(target, FOLDER)
    try:
        with Descent(source) as from_, Descent(there) as to:
            pending = [iter(os.listdir(from_.fd))]
            while pending:
                name = next(pending[-1], None)
                if name is None:
                    pending.pop()
                    _own(to.fd, ".", os.fstat(from_.fd))
                    if pending:
                        from_.leave()
                        to.leave()
                elif _copy(from_.fd, to.fd, name):
                    from_.enter(name)
                    to.enter(name)
                    pending.append(iter(os.listdir(from_.fd)))
    finally:
        os.close(there)


def _copy(source: int, target: int, name: str) -> bool:
    """One entry; True for a folder, which is made and is still to be filled."""
    found = os.stat(name, dir_fd=source, follow_symlinks=False)
    if stat.S_ISDIR(found.st_mode):
        os.mkdir(name, dir_fd=target)
        return True
    if stat.S_ISLNK(found.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
    elif stat.S_ISREG(found.st_mode):
        _copy_file(source, target, name, found)
        return False
    else:
        os.mknod(name, found.st_mode, found.st_rdev, dir_fd=target)
    _own(target, name, found)
    return False


def _copy_file(source: int, target: int, name: str, found: os.stat_result) -> None:
    """Its attributes last: chown(2) takes capabilities away."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
    made = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(fd, "rb") as file, os.fdopen(os.open(name, made, 0o600, dir_fd=target), "wb") as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        _own(target, name, found)
        for attribute in os.listxattr(fd):
            if attribute.startswith(("security.capability", "user.")):
                os.setxattr(copy.fileno(), attribute, os.getxattr(fd, attribute))


def _own(folder: int, name: str, found: os.stat_result) -> None:
    os.chown(name, found.st_uid, found.st_gid, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        os.chmod(name, stat.S_IMODE(found.st_mode), dir_fd=folder)
    os.utime(name, ns=(found.st_atime_ns, found.st_mtime_ns), dir_fd=folder, follow_symlinks=False)
