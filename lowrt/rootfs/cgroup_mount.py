"""A mount of type "cgroup": the container's view of its cgroups, for either version."""

import errno
import os

from lowrt.errors import Fault
from lowrt.linux import mount as m
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

    __slots__ = ("destination", "hierarchies", "namespaced", "options")

    def __init__(
        self, destination: str, options: MountOptions, hierarchies: list[Hierarchy], *, namespaced: bool
    ) -> None:
        self.destination = destination
        self.options = options
        self.hierarchies = hierarchies
        self.namespaced = namespaced

    def describe(self) -> str:
        how = "in their namespace" if self.namespaced else "by bind mounts"
        return f"cgroup v1 on {self.destination} {how}: {' '.join(h.name for h in self.hierarchies)}"

    def apply(self, root: Root) -> None:
        frame = MountOptions()
        frame.flags, frame.data, frame.propagation = _HARMLESS, "mode=755", self.options.propagation
        MountFilesystem("tmpfs", "tmpfs", self.destination, frame).apply(root)
        for hierarchy in self.hierarchies:
            self.hierarchy_mount(hierarchy).apply(root)
        self._link_merged(root)

    def hierarchy_mount(self, hierarchy: Hierarchy) -> Operation:
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

    def _link_merged(self, root: Root) -> None:
        """cpu → cpu,cpuacct where two controllers share a hierarchy."""
        merged = [h.name for h in self.hierarchies if "," in h.name]
        if not merged:
            return
        folder = open_target(root, self.destination)
        try:
            for name in merged:
                for controller in name.split(","):
                    try:
                        os.symlink(name, controller, dir_fd=folder)
                    except FileExistsError:
                        pass
        finally:
            os.close(folder)


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
