"""Where cgroups are."""

import pytest

from lowrt.cgroup import path
from lowrt.cgroup.files import CgroupError


@pytest.mark.parametrize(
    ("cgroups_path", "inner"),
    [
        ("", "box"),
        ("/docker/abc", "/docker/abc"),
        ("docker/abc", "docker/abc"),
        ("/a/../../b", "/b"),
        ("../../b", "b"),
        ("a/./b//c", "a/b/c"),
        ("//a", "/a"),
    ],
)
def test_a_path_never_leaves_its_hierarchy(cgroups_path: str, inner: str) -> None:
    assert path.inner_path(cgroups_path, "box") == inner


@pytest.mark.parametrize("cgroups_path", ["/", "..", "/../.."])
def test_the_root_of_a_hierarchy_is_no_containers(cgroups_path: str) -> None:
    with pytest.raises(CgroupError, match="root of the hierarchy"):
        path.inner_path(cgroups_path, "box")


def test_the_systemd_form_is_refused_by_name() -> None:
    with pytest.raises(CgroupError, match="systemd cgroup driver"):
        path.inner_path("system.slice:docker:abc", "box")


@pytest.mark.parametrize(
    ("cgroups_path", "own", "folder"),
    [
        ("/docker/abc", "/user.slice", "/sys/fs/cgroup/docker/abc"),
        ("", "/user.slice/session.scope", "/sys/fs/cgroup/user.slice/box"),
        ("a/b", "/", "/sys/fs/cgroup/a/b"),
    ],
)
def test_v2_containers_lie_beside_the_caller_not_below(cgroups_path: str, own: str, folder: str) -> None:
    assert path.v2_path(cgroups_path, "box", {"": own}) == folder


def test_a_relative_path_needs_to_know_the_callers_cgroup() -> None:
    with pytest.raises(CgroupError, match="cgroup path not found"):
        path.v2_path("", "box", {})


def test_proc_cgroup_gives_each_controller_its_path() -> None:
    text = "5:cpu,cpuacct:/a\n1:name=systemd:/b:c\n0::/d\n"
    assert path.parse_proc_cgroup(text) == {"cpu": "/a", "cpuacct": "/a", "name=systemd": "/b:c", "": "/d"}


def test_mountinfo_yields_only_cgroup_v1() -> None:
    text = (
        "30 20 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
        "31 30 0:27 /docker/x /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "32 30 0:28 / /sys/fs/my\\040cgroup rw - cgroup cgroup rw,pids\n"
        "33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    )
    assert list(path.parse_mountinfo(text)) == [
        ("/docker/x", "/sys/fs/cgroup/cpu,cpuacct", ["rw", "cpu", "cpuacct"]),
        ("/", "/sys/fs/my cgroup", ["rw", "pids"]),
    ]


def test_what_criu_mounts_for_itself_is_no_hierarchy_of_the_hosts() -> None:
    """It is gone in a moment, and its folders with it."""
    line = "90 25 0:40 / /work/.criu.cgyard.sQ5qQr/hugetlb rw,relatime - cgroup none rw,hugetlb\n"
    assert list(path.parse_mountinfo(line)) == []
