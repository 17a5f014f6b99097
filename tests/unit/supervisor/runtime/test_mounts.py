"""Mount points below a path."""

from supervisor.runtime.mounts import mounts_below

MOUNTINFO = """\
21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
40 21 0:40 / /b/rootfs rw - overlay overlay rw
41 40 0:41 / /b/rootfs/with\\040space rw - tmpfs tmpfs rw
42 21 0:42 / /b/rootfs2 rw - tmpfs tmpfs rw
"""


def test_the_last_mounted_comes_first_and_neighbours_stay() -> None:
    assert mounts_below("/b/rootfs", MOUNTINFO) == ["/b/rootfs/with space", "/b/rootfs"]


def test_a_path_without_mounts_has_none() -> None:
    assert mounts_below("/elsewhere", MOUNTINFO) == []
