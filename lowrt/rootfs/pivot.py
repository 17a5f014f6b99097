"""Make the prepared tree the root of this mount namespace, and let go of the old one."""

import os

from lowrt.errors import Fault, describe
from lowrt.linux import mount as m
from lowrt.rootfs.target import Root


def pivot(root: Root) -> None:
    """pivot_root(".", "."): the old root ends up below the new one, under no path, and is taken off from there."""
    old_root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fchdir(root.fd)
        m.pivot_root(".", ".")
        os.fchdir(old_root)
        # Not private: while we unmount, the host's own unmounts must still reach this copy.
        m.mount("", ".", "", m.MS_SLAVE | m.MS_REC)
        m.umount2(".", m.MNT_DETACH)
        os.chdir("/")
    except OSError as error:
        raise Fault(f"error jailing process inside rootfs: {describe(error)}") from error
    finally:
        os.close(old_root)


def move_root(root: Root) -> None:
    """--no-pivot, for an initramfs, whose root cannot be pivoted: cover the host's procfs and sysfs, move, chroot."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        points = full_kernel_mounts(file.read(), root.path)
    for point in points:
        _hide(point)
    try:
        m.mount(root.path, "/", "", m.MS_MOVE)
    except OSError as error:
        raise Fault(f"error jailing process inside rootfs: {describe(error)}") from error
    change_root(root)


def full_kernel_mounts(mountinfo: str, rootfs: str) -> list[str]:
    """A process that broke out of a chroot could use them to mount itself a procfs without masks."""
    found = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if fields[3] == "/" and right.split(" ")[0] in ("proc", "sysfs") and not fields[4].startswith(rootfs):
            found.append(fields[4].replace("\\040", " "))
    return found


def _hide(point: str) -> None:
    try:
        m.mount("", point, "", m.MS_SLAVE | m.MS_REC)
    except FileNotFoundError:
        return  # it went with a mount above it
    try:
        m.umount2(point, m.MNT_DETACH)
    except OSError:
        m.mount("tmpfs", point, "tmpfs", 0)


def change_root(root: Root) -> None:
    """chroot(2), for a container without a mount namespace of its own."""
    try:
        os.fchdir(root.fd)
        os.chroot(".")
        os.chdir("/")
    except OSError as error:
        raise Fault(f"error jailing process inside rootfs: {describe(error)}") from error
