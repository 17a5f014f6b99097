"""Where a process's cgroups are."""

from shim import cgroups

HYBRID = """\
30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw
31 30 0:27 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 30 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""
UNIFIED = "31 25 0:27 /docker/x /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
MEMBERSHIP = "4:memory:/c1\n3:cpu,cpuacct:/c1\n1:name=systemd:/c1\n9:absent:/c1\n0::/c1\n"


def test_a_hybrid_host_counts_as_v1() -> None:
    """Each controller with its own folder; what is mounted nowhere is left out."""
    hierarchies = cgroups.parse_mounts(HYBRID)
    assert not hierarchies.is_v2
    assert cgroups.folders(hierarchies, MEMBERSHIP) == {
        "memory": "/sys/fs/cgroup/memory/c1",
        "cpu": "/sys/fs/cgroup/cpu,cpuacct/c1",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/c1",
    }


def test_a_unified_host_has_one_folder() -> None:
    """Relative to the root that is mounted."""
    hierarchies = cgroups.parse_mounts(UNIFIED)
    assert hierarchies.is_v2
    assert cgroups.folders(hierarchies, "0::/docker/x/c1\n") == {"": "/sys/fs/cgroup/c1"}
    assert cgroups.folders(hierarchies, "0::/else\n") == {"": "/sys/fs/cgroup/else"}


def test_a_process_that_is_gone_has_none() -> None:
    """Its text is empty."""
    assert cgroups.folders(cgroups.parse_mounts(UNIFIED), "") == {}
    assert cgroups.folders(cgroups.parse_mounts(HYBRID), "") == {}


def test_this_hosts_are_read_once() -> None:
    """A zygote does it for all its shims."""
    assert cgroups.mounted() is cgroups.mounted()


def test_what_criu_mounts_for_itself_does_not_count() -> None:
    """It is gone in a moment, and its folders with it."""
    criu = "40 25 0:40 / /work/x/.criu.cgyard.sQ5qQr/hugetlb rw - cgroup none rw,hugetlb\n"
    assert "hugetlb" not in cgroups.parse_mounts(HYBRID + criu).v1
