"""Which mounts are hidden where pivot_root(2) cannot be had."""

from lowrt.rootfs.pivot import full_kernel_mounts

MOUNTINFO = """\
21 1 0:20 / /proc rw - proc proc rw
22 1 0:21 / /sys rw - sysfs sysfs rw
23 21 0:20 /sys /proc/sys ro - proc proc rw
24 1 0:22 / /var/my\\040proc rw - proc proc rw
25 1 0:23 / /run/box/rootfs/proc rw - proc proc rw
26 1 8:1 / /home rw - ext4 /dev/sda1 rw
"""


def test_every_whole_procfs_and_sysfs_outside_the_root_is_hidden() -> None:
    assert full_kernel_mounts(MOUNTINFO, "/run/box/rootfs") == ["/proc", "/sys", "/var/my proc"]
