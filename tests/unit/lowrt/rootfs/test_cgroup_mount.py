"""What a cgroup mount is made of."""

from lowrt.linux import mount as m
from lowrt.rootfs.cgroup_mount import CgroupV1Mount, Hierarchy
from lowrt.rootfs.operations import BindMount, MountFilesystem
from lowrt.spec.mount_options import parse

PIDS = Hierarchy("pids", "pids", "/sys/fs/cgroup/pids/box")
SYSTEMD = Hierarchy("systemd", "name=systemd", "/sys/fs/cgroup/systemd/box")


def test_without_a_namespace_the_containers_own_folder_is_bound() -> None:
    operation = CgroupV1Mount("/sys/fs/cgroup", parse(["ro"]), [PIDS], namespaced=False).hierarchy_mount(PIDS)
    assert isinstance(operation, BindMount)
    assert (operation.source, operation.destination) == ("/sys/fs/cgroup/pids/box", "/sys/fs/cgroup/pids")
    assert operation.options.flags == m.MS_BIND | m.MS_REC | m.MS_RDONLY


def test_in_a_namespace_the_hierarchy_itself_is_mounted() -> None:
    mount = CgroupV1Mount("/sys/fs/cgroup", parse(["ro"]), [SYSTEMD], namespaced=True)
    operation = mount.hierarchy_mount(SYSTEMD)
    assert isinstance(operation, MountFilesystem)
    assert (operation.fstype, operation.source, operation.options.data) == ("cgroup", "systemd", "name=systemd")
    assert operation.options.flags & m.MS_RDONLY
