"""Carry a plan out, in the five steps between which the container's start does other things.

open_sources   before the container's namespaces are entered, where the host's privileges are needed
enter          in the new mount namespace: propagation, and the root as a mount of its own
mount          everything, /dev last; the hooks of the host and of the container run after it
switch         the tree becomes the root
finish         read-only remounts, sysctls, read-only and masked paths
"""

import os

from lowrt.errors import Fault, describe
from lowrt.linux.mount import MS_REC, MS_SLAVE
from lowrt.rootfs import mask, pivot, propagation
from lowrt.rootfs.devices import reopen_null
from lowrt.rootfs.sysctl import open_proc, write_sysctls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.rootfs.plan import Plan
    from lowrt.rootfs.target import Root


def open_sources(plan: "Plan") -> None:
    """For containers with a user namespace or id-mapped mounts; the fds are the child's to inherit."""
    if plan.opens_early:
        for operation in plan.operations:
            operation.open_source()
            operation.cut_off((plan.propagation or MS_SLAVE) & ~MS_REC)


def enter(plan: "Plan") -> "Root":
    try:
        if plan.on_host:
            return propagation.bind_root(plan.rootfs, plan.propagation)
        root = propagation.enter_root(plan.rootfs, plan.propagation)
    except OSError as error:
        raise Fault(f"error preparing rootfs: {describe(error)}") from error
    return root


def mount(plan: "Plan", root: "Root") -> None:
    for operation in plan.operations:
        operation.apply(root)


def switch(plan: "Plan", root: "Root", *, no_pivot: bool = False) -> list[int]:
    """Change the root; gives back the procfs fds that `finish` needs, opened while the host's is still there."""
    proc_fds = [root.proc_fd] if root.proc_fd >= 0 else []
    if plan.sysctls:
        proc_fds.insert(0, open_proc())
    if plan.on_host:
        pivot.change_root(root)
    elif no_pivot:
        pivot.move_root(root)
    else:
        pivot.pivot(root)
    os.close(root.fd)
    root.fd = -1
    propagation.share_root(plan.propagation)
    if plan.own_dev:
        reopen_null()
    return proc_fds


def finish(plan: "Plan", proc_fds: list[int]) -> None:
    """After hostname and console; closes the procfs fds."""
    for path in plan.late_readonly:
        mask.remount_readonly(path)
    if plan.readonly_root:
        try:
            mask.remount_readonly("/")
        except OSError as error:
            raise Fault(f"error setting rootfs as readonly: {describe(error)}") from error
    write_sysctls(proc_fds, plan.sysctls)
    for fd in proc_fds:
        os.close(fd)
    mask.make_readonly(plan.readonly_paths)
    mask.mask_paths(plan.masked_paths, plan.label)
