"""Masked and read-only paths: run inside the container's root, where every path belongs to the image.

A path is opened once, and what is mounted is mounted on that fd. A file is covered by a /dev/null that was proven to be
one, a directory by an empty tmpfs; one is enough, its clones serve the others.
"""

import os
import stat

from lowrt.errors import Fault, describe
from lowrt.linux import mount as m
from lowrt.linux.openat2 import O_PATH
from lowrt.rootfs.devices import open_null
from lowrt.rootfs.operations import new_filesystem
from lowrt.rootfs.target import clean


def mask_paths(paths: list[str], label: str = "") -> None:
    """Cover each path that exists; one that does not is no danger. `label`: SELinux', of the empty directory."""
    cover = _Cover(label)
    try:
        for path in dict.fromkeys(clean(path) for path in paths):
            target = _open(path)
            if target < 0:
                continue
            try:
                cover.put(target)
            except (OSError, Fault) as error:
                raise Fault(f'can\'t mask path "{path}": {describe(error)}') from error
            finally:
                os.close(target)
    finally:
        cover.close()


class _Cover:
    """The two things that paths are covered with, opened when first needed."""

    __slots__ = ("_empty", "_label", "_null")

    def __init__(self, label: str) -> None:
        self._label = label
        self._null = -1
        self._empty = -1

    def put(self, target: int) -> None:
        if stat.S_ISDIR(os.fstat(target).st_mode):
            if self._empty < 0:
                self._empty = _empty_directory(self._label)
                m.move_mount(self._empty, target)
                return
            source = self._empty
        else:
            if self._null < 0:
                self._null = open_null(os.O_PATH)
            source = self._null
        clone = m.open_tree(source, "", m.OPEN_TREE_CLONE)
        try:
            m.move_mount(clone, target)
        finally:
            os.close(clone)

    def close(self) -> None:
        for fd in (self._null, self._empty):
            if fd >= 0:
                os.close(fd)


def _empty_directory(label: str) -> int:
    labelled = f',context="{label}"' if label else ""
    try:
        return new_filesystem("tmpfs", "tmpfs", m.MS_RDONLY, f"nr_blocks=1,nr_inodes=1{labelled}")
    except OSError:
        # Ubuntu 20.04's kernel wants two inodes.
        return new_filesystem("tmpfs", "tmpfs", m.MS_RDONLY, f"nr_blocks=1,nr_inodes=2{labelled}")


def make_readonly(paths: list[str]) -> None:
    """Cover each path with itself, read-only."""
    for path in paths:
        target = _open(clean(path))
        if target < 0:
            continue
        try:
            tree = m.open_tree(target, "", m.OPEN_TREE_CLONE | m.AT_RECURSIVE)
            try:
                m.mount_setattr(tree, m.MOUNT_ATTR_RDONLY)
                m.move_mount(tree, target)
            finally:
                os.close(tree)
        except OSError as error:
            raise Fault(f'can\'t make "{path}" read-only: {describe(error)}') from error
        finally:
            os.close(target)


def _open(path: str) -> int:
    try:
        return os.open(path, O_PATH)
    except (FileNotFoundError, NotADirectoryError):
        return -1
    except OSError as error:
        raise Fault(f'can\'t mask path "{path}": {describe(error)}') from error


def remount_readonly(path: str) -> None:
    """Set a mount read-only in place, leaving its other flags."""
    fd = os.open(path, O_PATH)
    try:
        m.mount_setattr(fd, m.MOUNT_ATTR_RDONLY)
    finally:
        os.close(fd)
