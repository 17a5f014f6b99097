"""The tree's mounts on a real kernel: many layers, other owners, links that would lead out."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shim import rootfs
from shim.rootfs import Mount
from tests import needs

pytestmark = [needs.root, needs.overlay]


@pytest.fixture
def target(tmp_path: Path) -> Iterator[str]:
    """An empty folder, unmounted afterwards."""
    folder = tmp_path / "rootfs"
    folder.mkdir()
    yield str(folder)
    rootfs.unmount_all(str(folder))


def layers(folder: Path, count: int) -> list[str]:
    """Folders with a file each, under one long parent."""
    parent = folder / ("snapshots-of-a-long-name" * 3)
    for number in range(count):
        (parent / f"{number}" / "fs").mkdir(parents=True)
        (parent / f"{number}" / "fs" / f"file{number}").touch()
    return [str(parent / f"{number}" / "fs") for number in range(count)]


@pytest.mark.parametrize("count", [1, 2, 45])
def test_an_overlay_of_any_length_is_mounted(tmp_path: Path, target: str, count: int) -> None:
    """45 long names are more than a page of options; the current folder stays what it was."""
    before = os.getcwd()
    (tmp_path / "bottom").mkdir()
    lowers = [*layers(tmp_path, count), str(tmp_path / "bottom")]
    rootfs.mount_all([Mount("overlay", "overlay", "", ["lowerdir=" + ":".join(lowers)])], target)
    assert {f"file{number}" for number in range(count)} <= set(os.listdir(target))
    assert os.getcwd() == before


def test_layers_without_a_common_parent_go_in_one_by_one(tmp_path: Path, target: str) -> None:
    """Where the kernel can (6.7); else it is said that the options are too long."""
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    if release < (6, 7):
        pytest.skip("needs Linux 6.7 for lowerdir+")
    lowers = [*layers(tmp_path, 60), "/var/empty-layer"]
    Path("/var/empty-layer").mkdir()
    try:
        upper = [f"upperdir={tmp_path}/up", f"workdir={tmp_path}/work"]
        for name in ("up", "work"):
            (tmp_path / name).mkdir()
        rootfs.mount_all([Mount("overlay", "overlay", "", ["lowerdir=" + ":".join(lowers), *upper])], target)
        (Path(target) / "new").touch()
        assert (tmp_path / "up" / "new").exists()
    finally:
        rootfs.unmount_all(target)
        Path("/var/empty-layer").rmdir()


def test_a_read_only_bind_is_read_only(tmp_path: Path, target: str) -> None:
    """It takes a second call."""
    (tmp_path / "source").mkdir()
    rootfs.mount_all([Mount("bind", str(tmp_path / "source"), "", ["rbind", "ro"])], target)
    with pytest.raises(OSError, match="Read-only"):
        (Path(target) / "x").touch()


def test_owners_are_mapped_for_a_user_namespace(tmp_path: Path, target: str) -> None:
    """Also through an overlay, whose layers are seen through an idmapped view."""
    lowers = layers(tmp_path, 2)
    options = ["lowerdir=" + ":".join(lowers), "uidmap=0:100000:65536", "gidmap=0:200000:65536"]
    try:
        rootfs.mount_all([Mount("overlay", "overlay", "", options)], target)
    except OSError as error:
        pytest.skip(f"needs idmapped mounts here: {error}")
    status = (Path(target) / "file0").stat()
    assert (status.st_uid, status.st_gid) == (100000, 200000)
    assert not list(Path("/tmp").glob("ovl-idmapped*"))


def test_a_link_in_the_tree_does_not_lead_a_mount_out(tmp_path: Path, target: str) -> None:
    """It is resolved inside."""
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "link").symlink_to("/etc")
    mounts = [Mount("bind", str(tree), "", ["bind"]), Mount("tmpfs", "tmpfs", "/link", ["size=1m"])]
    rootfs.mount_all(mounts, target)
    assert os.path.ismount(f"{target}/etc")
    assert not os.path.ismount("/etc")


def test_a_failure_takes_back_what_was_mounted(tmp_path: Path, target: str) -> None:
    """The second mount's."""
    mounts = [Mount("tmpfs", "tmpfs", "", []), Mount("bind", "/does/not/exist", "", ["bind"])]
    with pytest.raises(rootfs.Fault, match="no such file or directory"):
        rootfs.mount_all(mounts, target)
    assert not os.path.ismount(target)


def test_what_is_mounted_below_goes_first(target: str) -> None:
    """And what is mounted twice goes twice."""
    rootfs.mount_all([Mount("tmpfs", "tmpfs", "", []), Mount("tmpfs", "tmpfs", "", [])], target)
    (Path(target) / "below").mkdir()
    rootfs.mount_all([Mount("tmpfs", "tmpfs", "/below", [])], target)
    rootfs.unmount_all(target)
    assert target not in Path("/proc/self/mountinfo").read_text()
