"""The wrappers raise what the kernel says."""

import os
from pathlib import Path

import pytest

from shim import linux


def test_an_error_has_its_errno_and_path() -> None:
    """So it is a FileNotFoundError."""
    with pytest.raises(FileNotFoundError) as error:
        linux.openat2(linux.AT_FDCWD, "/does/not/exist", os.O_PATH, 0)
    assert error.value.filename == "/does/not/exist"


def test_a_link_cannot_lead_out_of_a_root(tmp_path: Path) -> None:
    """RESOLVE_IN_ROOT."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "link").symlink_to("/etc")
    root = os.open(tmp_path, os.O_PATH)
    inside = linux.openat2(root, "link", os.O_PATH, linux.RESOLVE_IN_ROOT)
    assert os.readlink(f"/proc/self/fd/{inside}") == str(tmp_path / "etc")
    os.close(inside)
    os.close(root)


def test_inotify_tells_of_a_write(tmp_path: Path) -> None:
    """Without waiting when there is nothing."""
    path = tmp_path / "f"
    path.touch()
    fd = linux.inotify_init()
    linux.inotify_add_watch(fd, str(path), linux.IN_MODIFY)
    with pytest.raises(BlockingIOError):
        os.read(fd, 4096)
    path.write_text("x")
    assert os.read(fd, 4096)
    os.close(fd)


def test_a_childs_names_and_fds_are_its_own() -> None:
    """What ps shows of it, and nothing open beyond the first three."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        linux.set_process_name("containerd-shim-too-long")
        linux.set_command_line(["shim", "-id", "x"])
        name = Path("/proc/self/comm").read_bytes() + Path("/proc/self/cmdline").read_bytes()
        os.dup2(write, 1)
        linux.close_range(3)
        os.write(1, name + b"|" + str(len(os.listdir("/proc/self/fd"))).encode())
        os._exit(0)
    os.close(write)
    told = os.read(read, 65536)
    os.waitpid(pid, 0)
    os.close(read)
    assert told.startswith(b"containerd-shim\nshim\0-id\0x\0")
    assert told.endswith(b"|4")  # 0, 1, 2 and the listing itself
