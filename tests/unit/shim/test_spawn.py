"""Programs are started with the fds they shall have and no others."""

import fcntl
import os
from pathlib import Path

import pytest

from shim.spawn import find_runtime, spawn


def test_streams_become_the_first_fds() -> None:
    """Whatever their numbers were, and nothing else is open."""
    null = os.open("/dev/null", os.O_RDWR)
    read, write = os.pipe()
    private = fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, 200)
    argv = ["sh", "-c", "echo $VALUE >&4; ls /proc/self/fd | tr '\\n' ' ' >&4"]
    pid = spawn(argv, (null, null, null, null, write), {"VALUE": "given", "PATH": "/usr/bin:/bin"})
    os.close(write)
    assert os.waitpid(pid, 0)[1] == 0
    given, fds = os.read(read, 1000).decode().splitlines()
    assert given == "given"
    assert {"0", "1", "2"} <= set(fds.split())
    assert str(private) not in fds.split()
    for fd in (null, read, private):
        os.close(fd)


def test_a_missing_program_is_an_error() -> None:
    """And no fd stays open."""
    before = len(os.listdir("/proc/self/fd"))
    null = os.open("/dev/null", os.O_RDWR)
    with pytest.raises(FileNotFoundError):
        spawn(["/does/not/exist"], (null, null, null), {})
    os.close(null)
    assert len(os.listdir("/proc/self/fd")) <= before  # garbage of other tests may be closed meanwhile


def test_a_named_runtime_is_taken_as_it_is() -> None:
    """PATH is posix_spawnp's business."""
    assert find_runtime("crun") == "crun"
    assert find_runtime("/opt/bin/x") == "/opt/bin/x"


def test_ours_is_found_by_itself() -> None:
    """Whether named or not."""
    assert Path(find_runtime("")).name == Path(find_runtime("lowrt")).name == "lowrt"
