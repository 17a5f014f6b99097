"""Finding a mount point, in an ordinary directory."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lowrt.rootfs.target import MountError, Root, check_proc, clean, location, mount_error, open_target


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    (tmp_path / "rootfs").mkdir()
    held = Root(str(tmp_path / "rootfs"), os.open(tmp_path / "rootfs", os.O_PATH))
    yield held
    os.close(held.fd)


def where(root: Root, destination: str, **options: object) -> str:
    fd = open_target(root, destination, **options)  # type: ignore[arg-type]
    try:
        return os.path.relpath(location(fd), root.path)
    finally:
        os.close(fd)


@pytest.mark.parametrize(("text", "path"), [("a", "/a"), ("/a/../b//", "/b"), ("//a", "/a"), ("../../etc", "/etc")])
def test_destinations_are_paths_of_the_root(text: str, path: str) -> None:
    assert clean(text) == path


def test_missing_directories_are_made(root: Root) -> None:
    assert where(root, "/a/b/c") == "a/b/c"
    assert Path(root.path, "a/b/c").is_dir()


def test_a_files_mount_point_is_an_empty_file(root: Root) -> None:
    assert where(root, "/etc/hosts", is_file=True) == "etc/hosts"
    assert Path(root.path, "etc/hosts").read_bytes() == b""


def test_a_symlink_is_followed_inside_the_root(root: Root) -> None:
    Path(root.path, "run").mkdir()
    Path(root.path, "var").symlink_to("/run")
    assert where(root, "/var/lib") == "run/lib"


def test_a_symlink_out_of_the_root_leads_back_into_it(root: Root, tmp_path: Path) -> None:
    Path(root.path, "out").symlink_to("../../../../../../.." + str(tmp_path))
    assert where(root, "/out/x") == str(tmp_path)[1:] + "/x" if Path(root.path, str(tmp_path)[1:]).exists() else True
    assert not (tmp_path / "x").exists()


def test_a_dangling_symlink_is_no_mount_point(root: Root) -> None:
    Path(root.path, "bad").symlink_to("/nowhere")
    with pytest.raises(OSError):  # noqa: PT011  # which errno depends on what was to be made
        open_target(root, "/bad", is_file=True)
    with pytest.raises(OSError):  # noqa: PT011
        open_target(root, "/bad")
    assert not Path(root.path, "nowhere").exists()


@pytest.mark.parametrize("name", ["proc", "sys", "dev"])
@pytest.mark.parametrize("kind", ["link", "file"])
def test_proc_sys_and_dev_must_be_directories(root: Root, name: str, kind: str) -> None:
    """CVE-2019-19921, CVE-2026-41579."""
    Path(root.path, "elsewhere").mkdir()
    if kind == "link":
        Path(root.path, name).symlink_to("elsewhere")
    else:
        Path(root.path, name).touch()
    with pytest.raises(MountError, match=r'^filesystem "tmpfs" must be mounted on ordinary directory$'):
        open_target(root, f"/{name}", fstype="tmpfs")


def test_nothing_is_mounted_on_the_root_itself(root: Root) -> None:
    with pytest.raises(MountError, match="is on the top of rootfs"):
        open_target(root, "/")


def test_a_root_that_moved_away_is_noticed(root: Root) -> None:
    os.rename(root.path, root.path + ".old")
    with pytest.raises(MountError, match="is outside of rootfs"):
        open_target(root, "/a")


@pytest.mark.parametrize(
    ("destination", "fstype", "fine"),
    [
        ("/proc", "proc", True),
        ("/proc", "tmpfs", False),
        ("/proc/meminfo", "bind", True),
        ("/proc/sys", "tmpfs", False),
        ("/proc/1/attr", "bind", False),
        ("/process", "tmpfs", True),
    ],
)
def test_little_may_be_mounted_in_proc(root: Root, destination: str, fstype: str, fine: bool) -> None:
    fd = open_target(root, destination)
    try:
        if fine:
            check_proc(root, fd, fstype, -1)
        else:
            with pytest.raises(MountError, match="cannot be mounted because it is"):
                check_proc(root, fd, fstype, -1)
    finally:
        os.close(fd)


def test_a_procfs_may_be_bound_to_proc_and_a_directory_may_not(root: Root) -> None:
    target = open_target(root, "/proc")
    real, fake = os.open("/proc", os.O_PATH), os.open("/", os.O_PATH)
    check_proc(root, target, "bind", real)
    with pytest.raises(MountError, match="not of type proc"):
        check_proc(root, target, "bind", fake)
    for fd in (target, real, fake):
        os.close(fd)


def test_errors_name_source_and_destination() -> None:
    error = mount_error("tmpfs", "/run", PermissionError(1, "mount: Operation not permitted"))
    assert str(error) == 'error mounting "tmpfs" to rootfs at "/run": mount: operation not permitted'
