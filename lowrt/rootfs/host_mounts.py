"""What a container without a mount namespace leaves in the one it was made in: its root, bound onto itself, and all
that is mounted below. The end of the container takes it away again.

How many mounts lay on the root before is written down first: whatever lies above them is ours, whenever we were killed.
"""

from lowrt.linux import mount as m


def stacked(rootfs: str, mountinfo: "str | None" = None) -> int:
    """How many mounts lie on that path, one over the other."""
    if mountinfo is None:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            mountinfo = file.read()
    points = (line.split(" ", 5)[4] for line in mountinfo.splitlines())
    return sum(_unescaped(point) == rootfs for point in points)


def _unescaped(point: str) -> str:
    """mountinfo has blanks, tabs, newlines and backslashes in octal."""
    head, *parts = point.split("\\")
    return head + "".join(chr(int(part[:3], 8)) + part[3:] for part in parts)


def take_down(rootfs: str, before: int) -> None:
    """Unmount what came since; a root that has gone takes its mounts along."""
    for _ in range(stacked(rootfs) - before):
        try:
            m.umount2(rootfs, m.MNT_DETACH)
        except FileNotFoundError:
            return
