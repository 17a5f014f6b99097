"""The rendezvous of create and start."""

import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from lowrt.errors import Fault
from lowrt.init import fifo


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "exec.fifo")


def test_both_sides_meet_and_the_fifo_goes(path: str) -> None:
    path_fd = fifo.make(path)
    assert stat.S_ISFIFO(os.fstat(path_fd).st_mode)
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)
    waiting = threading.Thread(target=fifo.wait, args=(path_fd, proc))
    waiting.start()
    pidfd = os.pidfd_open(os.getpid())
    fifo.release(path, pidfd)
    waiting.join(10)
    assert not waiting.is_alive()
    assert not os.path.exists(path)
    for fd in (path_fd, proc, pidfd):
        os.close(fd)


def test_the_containers_user_may_write_and_only_write(path: str) -> None:
    os.close(fifo.make(path))
    assert os.stat(path).st_mode & 0o777 == 0o622


def test_without_a_fifo_it_runs_already(path: str) -> None:
    with pytest.raises(Fault, match="cannot start an already running container"):
        fifo.release(path, -1)


def test_an_init_that_died_waiting_is_noticed(path: str) -> None:
    os.close(fifo.make(path))
    with subprocess.Popen(["true"]) as init:
        pidfd = os.pidfd_open(init.pid)
        with pytest.raises(Fault, match="cannot start a container that has stopped"):
            fifo.release(path, pidfd)
        os.close(pidfd)
    assert os.path.exists(path)
