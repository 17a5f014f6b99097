"""From the configuration to the list of operations that build a container's root; pure, but for looking at the host.

The order is the configuration's; /dev is filled when all is mounted. What must wait for the new root to be the root
(read-only remounts, sysctls, masks) is listed apart.
"""

import os

from lowrt.linux import mount as m
from lowrt.rootfs.cgroup_mount import CgroupV1Mount, CgroupV2Mount, Hierarchy
from lowrt.rootfs.devices import SetUpDev, nodes_of
from lowrt.rootfs.idmap import Mapping
from lowrt.rootfs.operations import BindMount, MountFilesystem, Operation
from lowrt.rootfs.target import clean
from lowrt.spec import mount_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.spec.model import Spec
    from lowrt.spec.mount_options import MountOptions

    Json = dict[str, Any]


class Plan:
    """All that happens to the root, in order."""

    __slots__ = (
        "label",
        "late_readonly",
        "masked_paths",
        "on_host",
        "opens_early",
        "operations",
        "own_dev",
        "propagation",
        "readonly_paths",
        "readonly_root",
        "rootfs",
        "sysctls",
    )

    def __init__(self, spec: "Spec") -> None:
        self.rootfs = spec.rootfs
        self.propagation = mount_options.PROPAGATION.get(spec.linux.get("rootfsPropagation") or "", 0)
        self.on_host = not spec.has_namespace("mount")
        self.operations: list[Operation] = []
        # Sources that only the host may open, or map: before the container's namespaces are entered.
        self.opens_early = spec.has_namespace("user")
        self.own_dev = False  # /dev is ours to fill
        self.late_readonly: list[str] = []
        self.readonly_root = spec.root_readonly
        self.sysctls = spec.sysctl
        self.readonly_paths: list[str] = spec.linux.get("readonlyPaths") or []
        self.masked_paths: list[str] = spec.linux.get("maskedPaths") or []
        self.label = label_of_mounts(spec)

    def describe(self) -> list[str]:
        """For --debug."""
        return [
            f"root {self.rootfs}",
            *(operation.describe() for operation in self.operations),
            *(f"read-only {path}" for path in self.late_readonly),
            *(["read-only /"] if self.readonly_root else []),
            *(f"sysctl {key} = {value}" for key, value in self.sysctls.items()),
            *(f"read-only {path}" for path in self.readonly_paths),
            *(f"mask {path}" for path in self.masked_paths),
        ]


def build_plan(spec: "Spec", cgroup_paths: dict[str, str], *, unified: bool, in_userns: bool = False) -> Plan:
    """`cgroup_paths` are the driver's; `in_userns`: this process is in a user namespace already (rootless)."""
    plan = Plan(spec)
    binds_dev = fresh_dev = False
    for entry in spec.mounts:
        options = mount_options.parse(entry.get("options") or [])
        is_bind = bool(options.flags & m.MS_BIND)
        operation = _operation(spec, entry, options, cgroup_paths, unified=unified)
        plan.operations.append(operation)
        plan.opens_early |= isinstance(operation, BindMount) and operation.mapping is not None
        destination = clean(entry["destination"])
        if destination == "/dev":
            binds_dev, fresh_dev = is_bind, not is_bind
        late = entry.get("type") == "tmpfs" or destination == "/dev"
        if options.flags & m.MS_RDONLY and late and not is_bind:
            plan.late_readonly.append(destination)
    if not binds_dev:
        bind_nodes = in_userns or spec.has_namespace("user")
        kcore = os.path.exists("/proc/kcore")
        plan.own_dev = True
        plan.operations.append(SetUpDev(nodes_of(spec), bind=bind_nodes, verify=not fresh_dev, kcore=kcore))
    return plan


def _operation(
    spec: "Spec", entry: "Json", options: "MountOptions", cgroup_paths: dict[str, str], *, unified: bool
) -> Operation:
    source, destination, fstype = entry.get("source") or "", entry["destination"], entry.get("type") or ""
    if options.flags & m.MS_BIND:
        absolute = source if source.startswith("/") else os.path.join(spec.bundle, source)
        return BindMount(absolute, destination, options, _mapping(spec, entry, options))
    if fstype == "cgroup":
        namespaced = spec.has_namespace("cgroup")
        if unified:
            fallback = cgroup_paths.get("", "") if namespaced else ""
            return CgroupV2Mount(source or "cgroup", destination, options, fallback or "/sys/fs/cgroup")
        frame_label = label_of_mounts(spec)
        return CgroupV1Mount(
            destination, options, hierarchies(cgroup_paths), namespaced=namespaced, frame_label=frame_label
        )
    # The kernel's own trees keep their labels; what is bound has those of its files.
    label = "" if fstype in ("proc", "sysfs") else label_of_mounts(spec)
    return MountFilesystem(fstype, source, destination, options, label)


def label_of_mounts(spec: "Spec") -> str:
    """The SELinux label that new file systems get."""
    return spec.linux.get("mountLabel") or ""


def _mapping(spec: "Spec", entry: "Json", options: "MountOptions") -> Mapping | None:
    """The mount's own maps, or for a bare `idmap` those of the container's user namespace."""
    uids, gids = entry.get("uidMappings"), entry.get("gidMappings")
    if uids and gids:
        return Mapping("", uids, gids)
    if not options.idmap:
        return None
    return Mapping(
        spec.namespaces.get("user", ""), spec.linux.get("uidMappings") or [], spec.linux.get("gidMappings") or []
    )


def hierarchies(cgroup_paths: dict[str, str]) -> list[Hierarchy]:
    """The v1 hierarchies among a driver's paths, controllers that share a folder taken together."""
    by_folder: dict[str, list[str]] = {}
    for controller, folder in cgroup_paths.items():
        if controller:
            by_folder.setdefault(folder, []).append(controller)
    found = []
    for folder, controllers in by_folder.items():
        # /sys/fs/cgroup/<name>/…: the name is the mount point's, which lists merged controllers in the host's order.
        name = folder.split("/")[4] if folder.startswith("/sys/fs/cgroup/") else ",".join(controllers)
        data = name if controllers[0].startswith("name=") is False and "," in name else ",".join(controllers)
        found.append(Hierarchy(name, data, folder))
    return found
