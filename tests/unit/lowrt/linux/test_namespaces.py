"""Forks with flags, and the two tables of names."""

import os

import pytest

from lowrt.linux import namespaces
from lowrt.spec.model import NAMESPACES


def test_the_tables_agree_with_the_specifications() -> None:
    assert {kind: (namespaces.FLAGS[kind], namespaces.FILES[kind]) for kind in namespaces.FLAGS} == NAMESPACES


def test_a_fork_without_flags_is_a_fork() -> None:
    pid, pidfd = namespaces.fork_into(0)
    if pid == 0:
        import threading  # the interpreter's own state must be whole in there

        os._exit(7 if threading.main_thread().is_alive() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    os.close(pidfd)


def test_the_pidfd_is_the_childs() -> None:
    pid, pidfd = namespaces.fork_into(0)
    if pid == 0:
        os._exit(3)
    result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    assert result is not None
    assert (result.si_pid, result.si_status) == (pid, 3)
    os.close(pidfd)


def test_a_refused_fork_is_an_error_in_the_parent_alone() -> None:
    with pytest.raises(OSError, match="clone: "):
        namespaces.fork_into(0x00010000)  # CLONE_THREAD without what it needs


def test_joining_with_a_bad_fd_is_told() -> None:
    with pytest.raises(OSError, match="setns: Bad file descriptor"):
        namespaces.setns(-1, namespaces.FLAGS["network"])


def test_unsharing_nothing_is_allowed() -> None:
    namespaces.unshare(0)
