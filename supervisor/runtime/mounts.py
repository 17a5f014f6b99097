"""What is mounted below a path, and taking it away; for bundles only, which are ours alone.

Never follows a symbolic link: a container can have put anything below its root file system.
"""

import errno
import os

from supervisor.diff.linux import MNT_DETACH, umount2

UMOUNT_NOFOLLOW = 8  # <linux/fs.h>


def mounts_below(path: str, mountinfo: str) -> list[str]:
    """The mount points at or below a path in a text of proc_pid_mountinfo(5), the last mounted first."""
    found = []
    for line in mountinfo.splitlines():
        point = _unescape(line.split(" ", 5)[4])
        if point == path or point.startswith(path + "/"):
            found.append(point)
    found.reverse()
    return found


def _unescape(field: str) -> str:
    r"""The kernel writes space, tab, newline and backslash as \040 \011 \012 \134."""
    if "\\" not in field:
        return field
    for code, character in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        field = field.replace(code, character)
    return field


def unmount_tree(path: str) -> None:
    """Unmount everything at and below a path; what is busy leaves the tree at once and ends with its last user."""
    path = os.path.realpath(os.path.dirname(path)) + "/" + os.path.basename(path)
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        points = mounts_below(path, file.read())
    for point in points:
        try:
            umount2(point, UMOUNT_NOFOLLOW)
        except OSError as error:
            if error.errno == errno.EBUSY:
                umount2(point, UMOUNT_NOFOLLOW | MNT_DETACH)
            elif error.errno not in (errno.EINVAL, errno.ENOENT):  # somebody else was first
                raise
