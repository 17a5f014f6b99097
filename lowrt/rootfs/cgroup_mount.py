"""A mount of type "cgroup": the container's view of its cgroups, for either version."""

import errno
import os

from lowrt.errors import Fault
from lowrt.linux import mount as m
from lowrt.linux.openat2 import O_PATH
from lowrt.rootfs.operations import BindMount, MountFilesystem, Operation, mount_on
from lowrt.rootfs.target import Root, mount_error, open_target
from lowrt.spec.mount_options import MountOptions

_HARMLESS = m.MS_NOSUID | m.MS_NODEV | m.MS_NOEXEC


class Hierarchy:
    """One v1 hierarchy: the name of its folder, its mount data, and where the container's part of it is on the host."""

    __slots__ = ("data", "folder", "name")

    def __init__(self, name: str, data: str, folder: str) -> None:
        self.name = name
        self.data = data
        self.folder = folder


class CgroupV1Mount(Operation):
    """A tmpfs with a folder for each hierarchy, as on the host."""

    __slots__ = ("destination", "frame_label", "hierarchies", "namespaced", "options")

    def __init__(
        self,
        destination: str,
        options: MountOptions,
        hierarchies: list[Hierarchy],
        *,
        namespaced: bool,
        frame_label: str = "",
    ) -> None:
        self.destination = destination
        self.options = options
        self.hierarchies = hierarchies
        self.namespaced = namespaced
        self.frame_label = frame_label

    def describe(self) -> str:
        how = "in their namespace" if self.namespaced else "by bind mounts"
        return f"cgroup v1 on {self.destination} {how}: {' '.join(h.name for h in self.hierarchies)}"

    def apply(self, root: Root) -> None:
        frame = MountOptions()
        frame.flags, frame.data, frame.propagation = _HARMLESS, "mode=755", self.options.propagation
        MountFilesystem("tmpfs", "tmpfs", self.destination, frame, self.frame_label).apply(root)
        # The tmpfs was born a moment ago in a namespace of ours: its folders need no search.
        frame_fd = open_target(root, self.destination)
        try:
            for hierarchy in self.hierarchies:
                self._mount(root, frame_fd, hierarchy)
            self._link_merged(frame_fd)
        except (OSError, Fault) as error:
            raise mount_error("cgroup", self.destination, error) from error
        finally:
            os.close(frame_fd)

    def _mount(self, root: Root, frame_fd: int, hierarchy: Hierarchy) -> None:
        operation = self.hierarchy_mount(hierarchy)
        operation.open_source()
        os.mkdir(hierarchy.name, 0o755, dir_fd=frame_fd)
        target = os.open(hierarchy.name, O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=frame_fd)
        try:
            if isinstance(operation, BindMount):
                operation.attach(target)
            else:
                operation.attach(root, target, operation.options.data)
        finally:
            os.close(target)

    def hierarchy_mount(self, hierarchy: Hierarchy) -> BindMount | MountFilesystem:
        destination = f"{self.destination}/{hierarchy.name}"
        options = MountOptions()
        if self.namespaced:
            options.flags = _HARMLESS | (self.options.flags & m.MS_RDONLY)
            options.data = hierarchy.data
            source = "systemd" if hierarchy.name == "systemd" else "cgroup"
            return MountFilesystem("cgroup", source, destination, options)
        options.flags = m.MS_BIND | m.MS_REC | self.options.flags
        options.propagation = self.options.propagation
        return BindMount(hierarchy.folder, destination, options)

    def _link_merged(self, frame_fd: int) -> None:
        """cpu → cpu,cpuacct where two controllers share a hierarchy."""
        for name in (h.name for h in self.hierarchies if "," in h.name):
            for controller in name.split(","):
                try:
                    os.symlink(name, controller, dir_fd=frame_fd)
                except FileExistsError:
                    pass


class CgroupV2Mount(Operation):
    """The unified hierarchy, or where that may not be mounted, a bind mount that looks the same."""

    __slots__ = ("destination", "fallback", "options", "source")

    def __init__(self, source: str, destination: str, options: MountOptions, fallback: str) -> None:
        self.source = source
        self.destination = destination
        self.options = options
        self.fallback = fallback

    def describe(self) -> str:
        return f"cgroup2 on {self.destination}, or {self.fallback}"

    def apply(self, root: Root) -> None:
        try:
            target = open_target(root, self.destination, fstype="cgroup2")
        except (OSError, Fault) as error:
            raise mount_error(self.source, self.destination, error) from error
        try:
            mount_on(target, self.source, self.destination, "cgroup2", self.options.flags, self.options.data)
        except OSError as error:
            # A user namespace without a cgroup namespace of its own may not mount it.
            if error.errno not in (errno.EPERM, errno.EBUSY):
                raise mount_error(self.source, self.destination, error) from error
        else:
            return
        finally:
            os.close(target)
        options = MountOptions()
        options.flags, options.propagation = m.MS_BIND | self.options.flags, self.options.propagation
        BindMount(self.fallback, self.destination, options).apply(root)
