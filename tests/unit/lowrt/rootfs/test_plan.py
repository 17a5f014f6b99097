"""From the configuration to operations."""

import pytest

from lowrt.linux import mount as m
from lowrt.rootfs.plan import build_plan, hierarchies
from lowrt.spec.model import Spec

DEFAULT_MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "ro"]},
    {"destination": "/data", "type": "none", "source": "data", "options": ["rbind", "ro"]},
    {"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]},
]


def spec_of(mounts: list[dict[str, object]], linux: dict[str, object] | None = None, **document: object) -> Spec:
    return Spec({"root": {"path": "rootfs"}, "mounts": mounts, "linux": linux or {}} | document, "/bundle")


def describe(spec: Spec, *, unified: bool = False, in_userns: bool = False) -> list[str]:
    paths = {"": "/sys/fs/cgroup/box"} if unified else {"pids": "/sys/fs/cgroup/pids/box"}
    return build_plan(spec, paths, unified=unified, in_userns=in_userns).describe()


def test_mounts_come_in_order_and_dev_is_filled_last() -> None:
    lines = describe(spec_of(DEFAULT_MOUNTS))
    assert lines[0] == "root /bundle/rootfs"
    assert lines[1] == "mount proc on /proc flags=MS_NOSUID|MS_NODEV|MS_NOEXEC data="
    assert lines[2] == "mount tmpfs on /dev flags=MS_NOSUID|MS_STRICTATIME data=mode=755"
    assert lines[3] == "bind /bundle/data on /data flags=MS_RDONLY|MS_BIND|MS_REC"
    assert lines[5].startswith("make devices /dev/null ")
    assert lines[6:] == ["read-only /dev", "read-only /run"]


def test_what_waits_for_the_new_root_comes_after() -> None:
    linux = {"readonlyPaths": ["/proc/sys"], "maskedPaths": ["/proc/kcore"], "sysctl": {"net.x": "1"}}
    lines = describe(spec_of([], linux, root={"path": "/r", "readonly": True}))
    assert lines[2:] == ["read-only /", "sysctl net.x = 1", "read-only /proc/sys", "mask /proc/kcore"]


def test_a_dev_from_the_host_is_left_as_it_is() -> None:
    plan = build_plan(spec_of([{"destination": "/dev/", "options": ["bind"], "source": "/dev"}]), {}, unified=True)
    assert len(plan.operations) == 1
    assert not plan.own_dev
    assert plan.late_readonly == []


@pytest.mark.parametrize(("linux", "in_userns"), [({"namespaces": [{"type": "user"}]}, False), ({}, True)])
def test_in_a_user_namespace_device_nodes_are_bind_mounted(linux: dict[str, object], in_userns: bool) -> None:
    assert any(line.startswith("bind devices ") for line in describe(spec_of([], linux), in_userns=in_userns))


CGROUP = [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]}]


def test_a_cgroup_mount_is_what_the_host_has() -> None:
    assert describe(spec_of(CGROUP))[1] == "cgroup v1 on /sys/fs/cgroup by bind mounts: pids"
    linux: dict[str, object] = {"namespaces": [{"type": "cgroup"}]}
    assert describe(spec_of(CGROUP, linux))[1] == "cgroup v1 on /sys/fs/cgroup in their namespace: pids"
    assert describe(spec_of(CGROUP), unified=True)[1] == "cgroup2 on /sys/fs/cgroup, or /sys/fs/cgroup"
    assert describe(spec_of(CGROUP, linux), unified=True)[1] == "cgroup2 on /sys/fs/cgroup, or /sys/fs/cgroup/box"


def test_controllers_in_one_hierarchy_are_one_mount() -> None:
    found = hierarchies(
        {
            "cpu": "/sys/fs/cgroup/cpu,cpuacct/box",
            "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/box",
            "name=systemd": "/sys/fs/cgroup/systemd/box",
            "": "/sys/fs/cgroup/unified/box",
        }
    )
    assert [(h.name, h.data, h.folder) for h in found] == [
        ("cpu,cpuacct", "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/box"),
        ("systemd", "name=systemd", "/sys/fs/cgroup/systemd/box"),
    ]


def test_an_idmapped_mount_has_maps_of_its_own_or_the_containers() -> None:
    maps = [{"containerID": 0, "hostID": 1, "size": 2}]
    own = {"destination": "/a", "source": "/a", "options": ["bind"], "uidMappings": maps, "gidMappings": maps}
    bare = {"destination": "/b", "source": "/b", "options": ["bind", "ridmap"]}
    linux: dict[str, object] = {"namespaces": [{"type": "user", "path": "/ns"}]}
    plan = build_plan(spec_of([own, bare], linux), {}, unified=True)
    first, second = (operation.mapping for operation in plan.operations[:2])  # type: ignore[attr-defined]
    assert (first.uids, first.namespace_path) == (maps, "")
    assert second.namespace_path == "/ns"


def test_root_propagation_is_read() -> None:
    plan = build_plan(spec_of([], {"rootfsPropagation": "rshared"}), {}, unified=True)
    assert plan.propagation == m.MS_SHARED | m.MS_REC


def test_new_file_systems_get_the_label_of_mounts_and_the_kernels_own_do_not() -> None:
    mounts: list[dict[str, object]] = [*DEFAULT_MOUNTS, *CGROUP]
    lines = describe(spec_of(mounts, {"mountLabel": "u:r:t"}))
    assert [line.split()[1] for line in lines if line.endswith(" label=u:r:t")] == ["tmpfs", "tmpfs"]
    plan = build_plan(spec_of(mounts, {"mountLabel": "u:r:t"}), {"pids": "/sys/fs/cgroup/pids/box"}, unified=False)
    assert plan.label == "u:r:t"
