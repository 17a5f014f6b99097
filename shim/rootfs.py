"""The container's tree: the mounts that Create gives, made on BUNDLE/rootfs, and taken away again."""

import errno
import os
import time
from collections.abc import Sequence

from proto.errdefs import Fault
from shim import linux, mount_options
from shim.mount_options import DATA_LIMIT, PROPAGATION, MountOptions

_BUSY_TRIES = 50
_BUSY_SECONDS = 0.05


class Mount:
    """One entry of Create.rootfs; `target` is a path inside the tree, usually empty."""

    __slots__ = ("options", "source", "target", "type")

    def __init__(self, type_: str, source: str, target: str, options: Sequence[str]) -> None:
        self.type = type_
        self.source = source
        self.target = target
        self.options = list(options)


def mount_all(mounts: Sequence[Mount], rootfs: str) -> None:
    """Make the mounts in order; after a failure none is left. Raises Fault."""
    for done, entry in enumerate(mounts):
        try:
            mount_one(entry, rootfs)
        except (OSError, Fault) as error:
            if done:
                unmount_all(rootfs)
            raise Fault(f"failed to mount rootfs component: {_describe(entry, rootfs, error)}") from error


def mount_one(entry: Mount, rootfs: str) -> None:
    """Make one mount; raises OSError or Fault."""
    options = mount_options.parse(entry.options)
    if entry.type.startswith(("fuse.", "fuse3.")):
        raise Fault(f"mount type {entry.type}: FUSE helpers are not supported")
    if not entry.target.strip("/"):
        _apply(entry, options, rootfs)
        return
    # The tree is an image's: a link in it must not lead the mount out.
    root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        inside = linux.openat2(root, entry.target, os.O_PATH, linux.RESOLVE_IN_ROOT)
    finally:
        os.close(root)
    try:
        _apply(entry, options, f"/proc/self/fd/{inside}")
    finally:
        os.close(inside)


def unmount_all(rootfs: str) -> None:
    """Take everything mounted on or below a folder away; raises OSError when something stays busy."""
    # What the runtime mounted inside lives in the container's own namespace: usually this is one umount2(2), two calls.
    while True:
        try:
            linux.umount2(rootfs, linux.UMOUNT_NOFOLLOW)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return
            if error.errno != errno.EBUSY:
                raise
            _unmount_busy(rootfs)


def mounts_below(mountinfo: str, folder: str) -> list[str]:
    """The mount points at or below a folder in a mountinfo(5) text, the last mounted first."""
    points = [_unescape(line.split(" ")[4]) for line in mountinfo.splitlines() if line]
    prefix = folder.rstrip("/") + "/"
    return [point for point in reversed(points) if point == folder or point.startswith(prefix)]


def _apply(entry: Mount, options: MountOptions, target: str) -> None:
    if entry.type == "overlay":
        _mount_overlay(entry, options, target)
    else:
        data = ",".join(options.data)
        if len(data) > DATA_LIMIT:
            raise Fault("mount options is too long")
        # A remount that changes nothing but flags has its own call below.
        if not options.flags & linux.MS_REMOUNT or data:
            linux.mount(entry.source, target, entry.type, options.flags & ~PROPAGATION, data)
        if options.uidmap and options.gidmap:
            from shim import idmap

            idmap.remap(target, options.uidmap, options.gidmap)
    if options.flags & PROPAGATION:
        linux.mount("", target, "", options.flags & (PROPAGATION | linux.MS_REC))
    if options.flags & (linux.MS_BIND | linux.MS_RDONLY) == linux.MS_BIND | linux.MS_RDONLY:
        linux.mount("", target, "", options.flags & ~PROPAGATION | linux.MS_REMOUNT)


def _mount_overlay(entry: Mount, options: MountOptions, target: str) -> None:
    data = options.data
    if options.uidmap and options.gidmap:
        from shim import idmap  # rare, and not needed by a cold `delete`

        with idmap.mapped_layers(mount_options.lower_dirs(data), options.uidmap, options.gidmap) as lowers:
            _overlay(entry.source, mount_options.replace_lowers(data, lowers), options.flags, target)
    else:
        _overlay(entry.source, data, options.flags, target)


def _overlay(source: str, data: list[str], flags: int, target: str) -> None:
    """mount(2) where one page holds the options; else from the layers' common parent, else by fsconfig(2)."""
    flags &= ~PROPAGATION
    if len(",".join(data)) <= DATA_LIMIT:
        linux.mount(source, target, "overlay", flags, ",".join(data))
        return
    parent, shorter = mount_options.compact(data)
    if parent and len(",".join(shorter)) <= DATA_LIMIT:
        back = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.chdir(parent)  # the shim has one thread: nobody else can notice
            linux.mount(source, target, "overlay", flags, ",".join(shorter))
        finally:
            os.fchdir(back)
            os.close(back)
        return
    _overlay_by_parts(source, data, flags, target)


def _overlay_by_parts(source: str, data: list[str], flags: int, target: str) -> None:
    """One `lowerdir+` per layer, which Linux has since 6.7: no limit but the file system's own."""
    context = linux.fsopen("overlay")
    try:
        linux.fsconfig(context, linux.FSCONFIG_SET_STRING, "source", source or "overlay")
        for option in data:
            name, equals, value = option.partition("=")
            if name == "lowerdir":
                for lower in value.split(":"):
                    linux.fsconfig(context, linux.FSCONFIG_SET_STRING, "lowerdir+", lower)
            elif equals:
                linux.fsconfig(context, linux.FSCONFIG_SET_STRING, name, value)
            else:
                linux.fsconfig(context, linux.FSCONFIG_SET_FLAG, name)
        linux.fsconfig(context, linux.FSCONFIG_CMD_CREATE)
        attributes = flags & (linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
        tree = linux.fsmount(context, attributes)  # MOUNT_ATTR_* have the numbers of these MS_* flags
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise Fault("mount options is too long") from error
        raise
    finally:
        os.close(context)
    try:
        linux.move_mount(tree, target)
    finally:
        os.close(tree)


def _unmount_busy(rootfs: str) -> None:
    """Deepest first, and with patience: whoever reads a file of the tree at the moment is done soon."""
    for attempt in range(_BUSY_TRIES):
        try:
            with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
                points = mounts_below(file.read(), os.path.realpath(rootfs))
            for point in points:
                linux.umount2(point, linux.UMOUNT_NOFOLLOW)
            return
        except OSError as error:
            if error.errno != errno.EBUSY or attempt == _BUSY_TRIES - 1:
                raise
            time.sleep(_BUSY_SECONDS)


def _unescape(field: str) -> str:
    """Octal escapes of mountinfo(5)."""
    if "\\" not in field:
        return field
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def _describe(entry: Mount, rootfs: str, error: Exception) -> str:
    reason = (error.strerror or "").split(": ")[-1].lower() if isinstance(error, OSError) else str(error)
    return f"mount source: {entry.source!r}, target: {rootfs!r}, fstype: {entry.type}: {reason}"
