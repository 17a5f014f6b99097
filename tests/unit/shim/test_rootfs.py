"""The parts of the tree's mounting that need no root."""

from pathlib import Path

import pytest

from proto.errdefs import Fault
from shim import rootfs
from tests import needs

MOUNTINFO = """\
25 1 8:1 / / rw - ext4 /dev/root rw
40 25 0:40 / /run/b/rootfs rw - overlay overlay rw
41 40 0:41 / /run/b/rootfs/a\\040b rw - tmpfs tmpfs rw
42 25 0:42 / /run/b/rootfs2 rw - tmpfs tmpfs rw
"""


def test_mounts_below_a_folder_come_last_first() -> None:
    """A neighbour with a longer name is none of them; spaces are escaped."""
    assert rootfs.mounts_below(MOUNTINFO, "/run/b/rootfs") == ["/run/b/rootfs/a b", "/run/b/rootfs"]


def test_a_mount_that_fails_is_described(tmp_path: Path) -> None:
    """Source, target, type and reason."""
    entry = rootfs.Mount("nosuchfs", "/src", "", [])
    with pytest.raises(Fault, match=r"failed to mount rootfs component: mount source: '/src', target: .*nosuchfs"):
        rootfs.mount_all([entry], str(tmp_path))


@pytest.mark.parametrize("kind", ["fuse.sshfs", "fuse3.x"])
def test_fuse_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    """Its helpers are programs of their own."""
    with pytest.raises(Fault, match=kind):
        rootfs.mount_all([rootfs.Mount(kind, "", "", [])], str(tmp_path))


@needs.root
def test_unmounting_nothing_is_fine(tmp_path: Path) -> None:
    """Not mounted, or not even there."""
    rootfs.unmount_all(str(tmp_path))
    rootfs.unmount_all(str(tmp_path / "none"))
