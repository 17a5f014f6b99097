"""What only root can do to a snapshot: other owners, devices, attributes."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from shim.rootfs import Mount as ShimMount
from shim.rootfs import mount_all, unmount_all
from supervisor.diff.mounts import open_root
from supervisor.metadata.db import Database
from supervisor.snapshots.copy_tree import copy_tree
from supervisor.snapshots.overlay import OverlaySnapshotter, can_remap
from tests import needs

pytestmark = [needs.root, needs.overlay]

MAPPING = {"containerd.io/snapshot/uidmapping": "0:100000:65536", "containerd.io/snapshot/gidmapping": "0:200000:65536"}
# setcap cap_net_raw+ep, as it lies in security.capability
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[OverlaySnapshotter]:
    db = Database(str(tmp_path / "meta.db"))
    yield OverlaySnapshotter(str(tmp_path / "o"), db)
    db.close()


def owner(path: str | Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_uid, status.st_gid


def test_the_mapped_root_owns_the_root_folder(driver: OverlaySnapshotter, tmp_path: Path) -> None:
    """Of the layer, and of those built on it without saying so."""
    top = tmp_path / "o" / "snapshots"
    driver.prepare("k", "", MAPPING)
    assert owner(top / "1" / "fs") == (100000, 200000)
    driver.commit("n", "k")
    driver.prepare("k2", "n")
    assert owner(top / "2" / "fs") == (100000, 200000)
    driver.prepare("k3", "n", {**MAPPING, "containerd.io/snapshot/uidmapping": "0:5:10"})
    fd = open_root(driver.mounts("k3"))
    try:
        assert owner(f"/proc/self/fd/{fd}") == (5, 200000)
    finally:
        os.close(fd)


@pytest.mark.skipif(not can_remap(os.uname().release), reason="needs Linux 5.19")
@pytest.mark.parametrize("layers", [1, 2])
def test_a_shim_shows_the_layers_below_with_mapped_owners(
    driver: OverlaySnapshotter, tmp_path: Path, layers: int
) -> None:
    """On disk nothing changes: the same layers serve containers with and without a user namespace."""
    top = tmp_path / "o" / "snapshots"
    for number in range(1, layers + 1):
        driver.prepare(f"k{number}", f"n{number - 1}" if number > 1 else "")
        (top / str(number) / "fs" / f"file{number}").touch()
        driver.commit(f"n{number}", f"k{number}")
    mounts = driver.prepare("mapped", f"n{layers}", MAPPING)
    target = tmp_path / "rootfs"
    target.mkdir()
    mount_all([ShimMount(one.type, one.source, one.target, one.options) for one in mounts], str(target))
    try:
        assert {owner(path) for path in (target, *target.iterdir())} == {(100000, 200000)}
    finally:
        unmount_all(str(target))
    assert owner(top / "1" / "fs" / "file1") == (0, 0)


def test_a_copy_keeps_devices_owners_and_attributes(tmp_path: Path) -> None:
    """File capabilities too, which chown(2) would take away."""
    source, target = tmp_path / "s", tmp_path / "t"
    source.mkdir()
    target.mkdir()
    os.mknod(source / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(source / "gone", stat.S_IFCHR, os.makedev(0, 0))
    (source / "tool").write_text("x")
    os.chown(source / "tool", 7, 8)
    os.chmod(source / "tool", 0o6755)
    os.setxattr(source / "tool", "security.capability", CAPABILITY)
    os.setxattr(source, "trusted.mine", b"1")
    (source / "link").symlink_to("tool")
    os.chown(source / "link", 9, 10, follow_symlinks=False)
    os.setxattr(source / "link", "trusted.l", b"2", follow_symlinks=False)
    copy_tree(str(source), str(target))
    for name in ("null", "gone"):
        made, kept = os.lstat(target / name), os.lstat(source / name)
        assert (made.st_mode, made.st_rdev) == (kept.st_mode, kept.st_rdev)
    assert owner(target / "tool") == (7, 8)
    assert os.stat(target / "tool").st_mode & 0o7777 == 0o6755
    assert os.getxattr(target / "tool", "security.capability") == CAPABILITY
    assert os.getxattr(target, "trusted.mine") == b"1"
    assert os.getxattr(target / "link", "trusted.l", follow_symlinks=False) == b"2"
    assert os.lstat(target / "link").st_uid == 9
