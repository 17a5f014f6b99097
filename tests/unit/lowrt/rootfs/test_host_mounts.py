"""Mounts over a path, counted."""

from lowrt.rootfs.host_mounts import stacked, take_down

MOUNTINFO = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /b\\040c/rootfs rw - tmpfs tmpfs rw
31 30 0:40 / /b\\040c/rootfs rw - tmpfs tmpfs rw
32 31 0:41 / /b\\040c/rootfs/proc rw - proc proc rw
"""


def test_mounts_over_one_another_are_counted_and_those_below_are_not() -> None:
    assert stacked("/b c/rootfs", MOUNTINFO) == 2
    assert stacked("/b c", MOUNTINFO) == 0
    assert stacked("/", MOUNTINFO) == 1


def test_nothing_is_unmounted_where_nothing_came() -> None:
    take_down("/nowhere/at/all", 0)
    take_down("/", stacked("/"))
