"""Cut the new mount namespace off from the host's, as far as wanted; make the root a mount of its own."""

import errno
import os

from lowrt.linux import mount as m
from lowrt.linux.openat2 import O_PATH
from lowrt.rootfs.target import Root


def enter_root(rootfs: str, propagation: int) -> Root:
    """Set the propagation of everything, then bind the root onto itself and hold it."""
    m.mount("", "/", "", propagation or m.MS_SLAVE | m.MS_REC)
    _detach_parent(rootfs, m.MS_SLAVE if propagation & m.MS_SLAVE else m.MS_PRIVATE)
    m.mount(rootfs, rootfs, "bind", m.MS_BIND | m.MS_REC)
    return Root(rootfs, os.open(rootfs, O_PATH | os.O_DIRECTORY))


def bind_root(rootfs: str, propagation: int) -> Root:
    """Without a mount namespace: the root is a mount of its own, which passes nothing on; no other mount changes."""
    m.mount(rootfs, rootfs, "bind", m.MS_BIND | m.MS_REC)
    m.mount("", rootfs, "", propagation or m.MS_PRIVATE | m.MS_REC)
    return Root(rootfs, os.open(rootfs, O_PATH | os.O_DIRECTORY))


def _detach_parent(rootfs: str, flag: int) -> None:
    """The mount below the root must not be shared: pivot_root(2) refuses it, and our binds would reach the host."""
    path = rootfs
    while True:
        try:
            m.mount("", path, "", flag)
        except OSError as error:
            # EINVAL: not a mount point, so the mount is further up.
            if error.errno != errno.EINVAL or path == "/":
                raise
            path = os.path.dirname(path)
        else:
            return


def share_root(propagation: int) -> None:
    """After the pivot: private and slave are done already; shared and unbindable were wrong for the host before."""
    if propagation and not propagation & (m.MS_PRIVATE | m.MS_SLAVE):
        m.mount("", "/", "", propagation)
