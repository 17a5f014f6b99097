"""What a mount plan is made of: operations that can describe themselves and be applied.

`open_source` may run earlier, with the host's privileges: a container in a user namespace often may not even look at
what it gets mounted. `apply` runs in the container's mount namespace and touches the root through fds alone.
"""

import os

from lowrt.errors import Fault
from lowrt.linux import mount as m
from lowrt.linux.openat2 import open_in_root
from lowrt.rootfs.target import Root, check_proc, clean, exists, mount_error, open_target
from lowrt.spec.mount_options import MountOptions, describe_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lowrt.rootfs.idmap import Mapping

# Filesystems whose options are few and short enough for fsconfig(2), which takes 255 bytes a piece.
_BY_FD = {"proc", "sysfs", "tmpfs", "mqueue", "devpts", "cgroup", "cgroup2"}

_ATTRIBUTES = (
    (m.MS_RDONLY, m.MOUNT_ATTR_RDONLY),
    (m.MS_NOSUID, m.MOUNT_ATTR_NOSUID),
    (m.MS_NODEV, m.MOUNT_ATTR_NODEV),
    (m.MS_NOEXEC, m.MOUNT_ATTR_NOEXEC),
    (m.MS_NOSYMFOLLOW, m.MOUNT_ATTR_NOSYMFOLLOW),
)
# Flags of the filesystem rather than of the mount: fsconfig(2) takes them as words.
_SUPERBLOCK_FLAGS = (
    (m.MS_RDONLY, "ro"),
    (m.MS_SYNCHRONOUS, "sync"),
    (m.MS_DIRSYNC, "dirsync"),
    (m.MS_LAZYTIME, "lazytime"),
    (m.MS_MANDLOCK, "mand"),
)
_ATIME = m.MS_NOATIME | m.MS_RELATIME | m.MS_STRICTATIME
_ANY_ATIME = _ATIME | m.MS_NODIRATIME
_LOCKABLE = m.MS_RDONLY | m.MS_NODEV | m.MS_NOEXEC | m.MS_NOSUID | _ANY_ATIME


class Operation:
    """One step of building the root."""

    __slots__ = ()

    def describe(self) -> str:
        raise NotImplementedError

    def open_source(self) -> None:
        """Get hold of what needs the host's privileges; most operations need none."""

    def cut_off(self, propagation: int) -> None:
        """Give a source opened in the host's mount namespace the propagation that all has in the container's."""

    def apply(self, root: Root) -> None:
        raise NotImplementedError


class MountFilesystem(Operation):
    """A new filesystem of some type."""

    __slots__ = ("_copy_up", "destination", "fstype", "label", "options", "source")

    def __init__(self, fstype: str, source: str, destination: str, options: MountOptions, label: str = "") -> None:
        self.fstype = fstype
        self.source = source
        self.destination = destination
        self.options = options
        self.label = label  # of all that is on it, where SELinux is asked for
        self._copy_up: Callable[[int, int], None] | None = None
        if options.copy_up:
            # Imported now: nothing may be imported any more when it runs.
            from lowrt.rootfs.copy_up import copy_up

            self._copy_up = copy_up

    def describe(self) -> str:
        labelled = f" label={self.label}" if self.label else ""
        flags = describe_flags(self.flags)
        return f"mount {self.fstype} on {self.destination} flags={flags} data={self.options.data}{labelled}"

    @property
    def flags(self) -> int:
        """Those of the first mount: tmpfs and /dev are filled before they become read-only."""
        late = self.fstype == "tmpfs" or clean(self.destination) == "/dev"
        return self.options.flags & ~(m.MS_RDONLY if late else 0)

    def apply(self, root: Root) -> None:
        try:
            existed = exists(root, self.destination) if self.fstype == "tmpfs" else False
            target = open_target(root, self.destination, fstype=self.fstype)
            try:
                check_proc(root, target, self.fstype, -1)
                self.attach(root, target, self._data(target) if existed else self.options.data)
            finally:
                os.close(target)
        except (OSError, Fault) as error:
            raise mount_error(self.source, self.destination, error) from error

    def attach(self, root: Root, target: int, data: str) -> None:
        """Mount on a mount point that was found to be right."""
        as_option = self.label and self.fstype != "mqueue"  # whose files have the labels of those that make them
        if as_option:
            data = f'{data},context="{self.label}"'.removeprefix(",")
        by_fd = self.fstype == "proc" or (self.label and not as_option)
        keep_fd = by_fd or self.options.propagation or self._copy_up
        if keep_fd and self.fstype in _BY_FD:
            mount_fd = new_filesystem(self.fstype, self.source, self.flags, data)
            try:
                if self._copy_up is not None:
                    self._copy_up(target, mount_fd)
                m.move_mount(mount_fd, target)
                set_propagation(mount_fd, self.options.propagation)
                if self.label and not as_option:
                    os.setxattr(f"/proc/self/fd/{mount_fd}", "security.selinux", self.label.encode())
                if self.fstype == "proc" and root.proc_fd < 0 and clean(self.destination) == "/proc":
                    root.proc_fd, mount_fd = mount_fd, -1
            finally:
                if mount_fd >= 0:
                    os.close(mount_fd)
            return
        # One call instead of six; the magic link leads to the very dentry that `target` holds.
        mount_on(target, self.source, self.destination, self.fstype, self.flags, data)
        if self.options.propagation:
            mounted = open_in_root(root.fd, self.destination)
            set_propagation(mounted, self.options.propagation)
            os.close(mounted)

    def _data(self, target: int) -> str:
        # The directory that a tmpfs covers lends its mode, unless the options say otherwise further on.
        mode = f"mode={os.fstat(target).st_mode & 0o7777:04o}"
        return f"{mode},{self.options.data}" if self.options.data else mode


def mount_on(target: int, source: str, destination: str, fstype: str, flags: int, data: str) -> None:
    """mount(2) on an fd, and an error that speaks of the destination."""
    try:
        m.mount(source, f"/proc/self/fd/{target}", fstype, flags, data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, destination) from error


def new_filesystem(fstype: str, source: str, flags: int, data: str) -> int:
    """A detached mount's fd."""
    fs_fd = m.fsopen(fstype)
    try:
        if source:
            m.fsconfig_set(fs_fd, "source", source)
        for flag, word in _SUPERBLOCK_FLAGS:
            if flags & flag:
                m.fsconfig_set(fs_fd, word, None)
        for option in split_data(data):
            key, separator, value = option.partition("=")
            m.fsconfig_set(fs_fd, key, value if separator else None)
        m.fsconfig_create(fs_fd)
        attr_set, _ = attributes_of(flags)
        return m.fsmount(fs_fd, attr_set)
    finally:
        os.close(fs_fd)


def split_data(data: str) -> "list[str]":
    """mount(2)'s options one by one; a comma in quotes divides nothing, as in the categories of an SELinux label."""
    parts = data.split('"')
    parts[1::2] = [part.replace(",", "\0") for part in parts[1::2]]
    return [option.replace("\0", ",") for option in "".join(parts).split(",") if option]


def set_propagation(mount_fd: int, propagation: list[int]) -> None:
    for flag in propagation:
        m.mount_setattr(mount_fd, 0, propagation=flag & ~m.MS_REC, recursive=bool(flag & m.MS_REC))


def attributes_of(flags: int) -> tuple[int, int]:
    """MS_* flags as (set, clear) for mount_setattr(2): what is not asked for is cleared, atime only for another."""
    attr_set = attr_clear = 0
    for flag, attribute in _ATTRIBUTES:
        if flags & flag:
            attr_set |= attribute
        else:
            attr_clear |= attribute
    if flags & _ANY_ATIME:
        attr_clear |= m.MOUNT_ATTR__ATIME
        if flags & m.MS_STRICTATIME:
            attr_set |= m.MOUNT_ATTR_STRICTATIME
        elif flags & m.MS_NOATIME:
            attr_set |= m.MOUNT_ATTR_NOATIME
        if flags & m.MS_NODIRATIME:
            attr_set |= m.MOUNT_ATTR_NODIRATIME
        else:
            attr_clear |= m.MOUNT_ATTR_NODIRATIME
    return attr_set, attr_clear


class BindMount(Operation):
    """A part of the host's tree, with its own flags, propagation and id mapping."""

    __slots__ = ("_tree", "destination", "mapping", "options", "source")

    def __init__(self, source: str, destination: str, options: MountOptions, mapping: "Mapping | None" = None) -> None:
        self.source = source
        self.destination = destination
        self.options = options
        self.mapping = mapping
        self._tree = -1

    def describe(self) -> str:
        mapped = " id-mapped" if self.mapping is not None else ""
        return f"bind {self.source} on {self.destination} flags={describe_flags(self.options.flags)}{mapped}"

    def open_source(self) -> None:
        if self._tree >= 0:
            return
        try:
            recursive = m.AT_RECURSIVE if self.options.flags & m.MS_REC else 0
            self._tree = m.open_tree(m.AT_FDCWD, self.source, m.OPEN_TREE_CLONE | recursive)
            if self.mapping is not None:
                self.mapping.apply(self._tree, recursive=self.options.recursive_idmap)
        except (OSError, Fault) as error:
            raise mount_error(self.source, self.destination, error) from error

    def cut_off(self, propagation: int) -> None:
        # Otherwise it would stay a peer of the host's mount, and what the container mounts below would appear there.
        m.mount_setattr(self._tree, 0, propagation=propagation, recursive=True)

    def apply(self, root: Root) -> None:
        self.open_source()
        try:
            is_directory = os.fstat(self._tree).st_mode & 0o170000 == 0o040000
            target = open_target(root, self.destination, is_file=not is_directory, fstype="bind")
            try:
                check_proc(root, target, "bind", self._tree)
                self.attach(target)
            finally:
                os.close(target)
        except (OSError, Fault) as error:
            raise mount_error(self.source, self.destination, error) from error

    def attach(self, target: int) -> None:
        """Mount on a mount point that was found to be right."""
        try:
            self._set_attributes()
            m.move_mount(self._tree, target)
            # Only now: a mount takes over the propagation of the one it lands on.
            set_propagation(self._tree, self.options.propagation)
        finally:
            os.close(self._tree)
            self._tree = -1

    def _set_attributes(self) -> None:
        options = self.options
        flags = options.flags & ~(m.MS_BIND | m.MS_REC | m.MS_REMOUNT)
        if flags or options.cleared:
            try:
                m.mount_setattr(self._tree, *attributes_of(flags))
            except PermissionError as error:
                self._keep_locked(flags, error)
        if options.attr_set or options.attr_clear:
            m.mount_setattr(self._tree, options.attr_set, options.attr_clear, recursive=True)

    def _keep_locked(self, flags: int, error: PermissionError) -> None:
        """In a user namespace what the host forbids stays forbidden: fine, unless the opposite was asked for."""
        present = _present_flags(self._tree)
        denied = present & self.options.cleared & _LOCKABLE
        if denied:
            raise Fault(f"cannot clear locked flags {describe_flags(denied)}: operation not permitted") from error
        if flags & _ANY_ATIME and flags & _ANY_ATIME != present & _ANY_ATIME:
            locked = describe_flags(present & _ANY_ATIME)
            raise Fault(f"cannot change locked atime flags {locked}: operation not permitted") from error
        attr_set, _ = attributes_of(flags & ~_ANY_ATIME)
        m.mount_setattr(self._tree, attr_set)


def _present_flags(fd: int) -> int:
    """A mount's flags from statfs(2), whose ST_ bits are the MS_ ones but for two."""
    bits = m.mount_flags(fd)
    flags = bits & (m.MS_RDONLY | m.MS_NOSUID | m.MS_NODEV | m.MS_NOEXEC | m.MS_NOATIME | m.MS_NODIRATIME)
    if bits & 0x1000:  # ST_RELATIME
        flags |= m.MS_RELATIME
    if bits & 0x2000:  # ST_NOSYMFOLLOW
        flags |= m.MS_NOSYMFOLLOW
    return flags if flags & _ATIME else flags | m.MS_STRICTATIME
