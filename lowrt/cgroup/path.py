"""From cgroupsPath to folders: where each hierarchy is mounted, and where in it a container's cgroup lies.

cgroup v1 has a folder per controller, v2 one for all; a hybrid host has v1 controllers and beside them a v2 hierarchy
without any. What is not mounted is left out, except `devices`, without which a container could open every disk.
"""

import os

from lowrt.cgroup.files import ROOT, CgroupError
from lowrt.linux.mount import CGROUP2_SUPER_MAGIC, filesystem_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Hierarchies in the order they are joined; the last is the v2 one of a hybrid host.
CONTROLLERS = (
    "cpuset",
    "devices",
    "memory",
    "cpu",
    "cpuacct",
    "pids",
    "blkio",
    "hugetlb",
    "net_cls",
    "net_prio",
    "perf_event",
    "freezer",
    "rdma",
    "name=systemd",
    "misc",
    "",
)
HYBRID = ROOT + "/unified"

_CRIUS = "/.criu.cgyard."  # where criu mounts hierarchies of its own for as long as it works


def is_unified() -> bool:
    """Whether this host is on pure cgroup v2."""
    return _has_magic(ROOT, CGROUP2_SUPER_MAGIC)


def is_hybrid() -> bool:
    return _has_magic(HYBRID, CGROUP2_SUPER_MAGIC)


def _has_magic(path: str, magic: int) -> bool:
    try:
        fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return filesystem_type(fd) == magic
    finally:
        os.close(fd)


def parse_proc_cgroup(text: str) -> dict[str, str]:
    """/proc/<pid>/cgroup: controller → path; the v2 hierarchy is under the empty name."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    return paths


def own_cgroups() -> dict[str, str]:
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        return parse_proc_cgroup(file.read())


def parse_mountinfo(text: str) -> "Iterator[tuple[str, str, list[str]]]":
    """/proc/<pid>/mountinfo: (root, mount point, super options) of each cgroup v1 mount."""
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fstype, _, rest = right.partition(" ")
        if fstype == "cgroup" and _CRIUS not in left:
            fields = left.split(" ")
            yield _unescape(fields[3]), _unescape(fields[4]), rest.split(" ")[-1].split(",")


def _unescape(field: str) -> str:
    if "\\" not in field:
        return field
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def inner_path(cgroups_path: str, container_id: str) -> str:
    """The path inside a hierarchy: absolute, or relative to the caller's own cgroup; never out of either."""
    if not cgroups_path:
        return container_id
    if cgroups_path.count(":") == 2 and "/" not in cgroups_path:
        raise CgroupError(
            f'cgroupsPath "{cgroups_path}" has the form "slice:prefix:name" of the systemd cgroup driver, '
            "which needs --systemd-cgroup"
        )
    clean = os.path.normpath("/" + cgroups_path)
    while clean.startswith("//"):
        clean = clean[1:]
    if clean == "/":
        raise CgroupError(f'cgroupsPath "{cgroups_path}" is the root of the hierarchy')
    return clean if cgroups_path.startswith("/") else clean[1:]


def v2_path(cgroups_path: str, container_id: str, own: dict[str, str]) -> str:
    """The one folder of a pure v2 host."""
    inner = inner_path(cgroups_path, container_id)
    if inner.startswith("/"):
        return ROOT + inner
    if "" not in own:
        raise CgroupError("cgroup path not found")
    # The caller's cgroup holds the caller, so that it can have no controllers for children: go beside it, not below it.
    parent = os.path.dirname(own[""])
    return ROOT + os.path.normpath(f"{parent.rstrip('/')}/{inner}")


def v1_paths(cgroups_path: str, container_id: str) -> dict[str, str]:
    """Controller → folder, for each hierarchy that is mounted."""
    inner = inner_path(cgroups_path, container_id)
    own = own_cgroups()
    paths = {}
    for controller in CONTROLLERS:
        if controller not in own:
            continue
        mount_point, root = _find_mount(controller)
        if not mount_point:
            continue
        if inner.startswith("/"):
            paths[controller] = mount_point + inner
        else:
            paths[controller] = os.path.normpath(f"{mount_point}/{_below(root, own[controller], mount_point)}/{inner}")
    if "devices" not in paths:
        raise CgroupError("mountpoint for devices not found")
    return paths


def _find_mount(controller: str) -> tuple[str, str]:
    """(mount point, root of the mount inside the hierarchy); ("", "") when it is mounted nowhere."""
    if controller == "":
        return (HYBRID, "/") if is_hybrid() else ("", "")
    usual = f"{ROOT}/{controller.removeprefix('name=')}"
    try:
        mounted = os.stat(usual).st_dev != os.stat(ROOT).st_dev
    except OSError:
        mounted = False
    if mounted:
        # `cpu` is a symlink to `cpu,cpuacct` where the two are mounted together.
        return (os.path.realpath(usual) if os.path.islink(usual) else usual), ""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for root, mount_point, options in parse_mountinfo(file.read()):
            if controller in options:
                return mount_point, root
    return "", ""


def _below(root: str, own: str, mount_point: str) -> str:
    """The caller's own cgroup, relative to the mount point."""
    if root == "" and os.path.isdir(mount_point + own):
        return own
    if root == "":
        # Inside a container without a cgroup namespace the host's path is shown, which is not there below the mount.
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            root = next((r for r, point, _ in parse_mountinfo(file.read()) if point == mount_point), "/")
    return os.path.relpath(own, root)
